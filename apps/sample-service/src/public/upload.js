/** Sends the chosen file as the body of a request. XMLHttpRequest, because fetch reports no progress. */
export function prepareUpload({ form, bar, result }) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const [file] = form.elements.file.files;
    if (!file) return;
    const started = performance.now();
    const request = new XMLHttpRequest();
    request.upload.addEventListener('progress', ({ loaded, total }) => {
      bar.value = total > 0 ? loaded / total : 1;
    });
    request.addEventListener('load', () => {
      if (request.status !== 200) {
        result.textContent = `${request.status} ${request.responseText}`;
        return;
      }
      bar.value = 1;
      const { bytes, sha256 } = JSON.parse(request.responseText);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      result.textContent = `${bytes} bytes in ${seconds} s\nSHA-256 ${sha256}`;
    });
    request.addEventListener('error', () => {
      result.textContent = 'the upload broke off';
    });
    request.open('POST', '/upload');
    request.setRequestHeader('content-type', file.type || 'application/octet-stream');
    request.send(file);
    bar.value = 0;
    result.textContent = 'sending …';
  });
}
