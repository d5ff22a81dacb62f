/** A person in a browser, over plain HTTP: signs in, and answers the consent page of a program. */
export class Visitor {
  private cookie = '';

  constructor(private readonly url: string) {}

  async signIn(email: string, password: string): Promise<void> {
    const response = await fetch(`${this.url}/api/v1/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    });
    if (response.status !== 204) throw new Error(`signing in: ${response.status} ${await response.text()}`);
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '');
    this.cookie = cookies.find((cookie) => /culvert-session=./.test(cookie)) ?? '';
  }

  /** Calls the API like the dashboard. */
  async api<T>(method: string, path: string): Promise<T> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { cookie: this.cookie, origin: this.url },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  }

  /** Opens the URL that a program printed, decides, and follows redirects. Resolves with the last page. */
  async decide(address: string, decision: 'allow' | 'deny'): Promise<{ asked: string; shown: string }> {
    const page = await fetch(address, { headers: { cookie: this.cookie } });
    const asked = await page.text();
    if (page.status !== 200) throw new Error(`${address}: ${page.status} ${asked}`);
    const form = new URLSearchParams({ decision });
    for (const [, name = '', value = ''] of asked.matchAll(
      /<input type="hidden" name="([^"]*)" value="([^"]*)"/g,
    ))
      form.set(name, value.replaceAll('&amp;', '&').replaceAll('&quot;', '"'));
    const decided = await fetch(`${this.url}/auth`, {
      method: 'POST',
      headers: { cookie: this.cookie, origin: this.url },
      body: form,
      redirect: 'manual',
    });
    const location = decided.headers.get('location');
    if (location === null) throw new Error(`deciding: ${decided.status} ${await decided.text()}`);
    const shown = await fetch(location);
    return { asked, shown: await shown.text() };
  }
}
