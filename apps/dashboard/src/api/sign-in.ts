let isLeaving = false;

/** Leaves for the page to sign in on, which comes back to where the person is now. */
export function goAndSignIn(): void {
  if (isLeaving) return;
  isLeaving = true;
  const { pathname, search } = window.location;
  window.location.assign(`/sign-in?return=${encodeURIComponent(pathname + search)}`);
}

/** Ends the session, by a form as the pages of the server have one: the answer leads to signing in. */
export function signOut(): void {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = '/sign-out';
  document.body.append(form);
  form.submit();
}
