const SHOWN_LINES = 6;

/** Sends what is typed over a WebSocket and shows what comes back; the first message goes out by itself. */
export function connectEcho({ form, log, mark }) {
  const lines = [];
  const show = (line) => {
    lines.push(line);
    log.textContent = lines.slice(-SHOWN_LINES).join('\n');
  };
  const socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/echo`);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('open', () => {
    socket.send('hello');
    socket.send(new Uint8Array([1, 2, 3]));
  });
  socket.addEventListener('message', ({ data }) => {
    show(typeof data === 'string' ? `text   ${data}` : `binary ${[...new Uint8Array(data)].join(' ')}`);
    mark(true);
  });
  socket.addEventListener('close', ({ code, reason }) => {
    show(`closed ${code} ${reason}`);
    mark(code === 1000 || code >= 3000);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const { message } = form.elements;
    if (socket.readyState === WebSocket.OPEN) socket.send(message.value);
    else show('the socket is closed: reload to open another');
    message.value = '';
  });
}
