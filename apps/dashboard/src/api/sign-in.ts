let isLeaving = false;

/** Goes to the sign-in page, which returns to the current page. */
export function goAndSignIn(): void {
  if (isLeaving) return;
  isLeaving = true;
  const { pathname, search } = window.location;
  window.location.assign(`/sign-in?return=${encodeURIComponent(pathname + search)}`);
}

/** Ends the session with a form, as the server's own pages do: the response redirects to the sign-in. */
export function signOut(): void {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = '/sign-out';
  document.body.append(form);
  form.submit();
}
