/** Shows the service's clock. The browser reconnects by itself and says with Last-Event-ID where it was. */
export function watchClock({ time, note, mark }) {
  const source = new EventSource('/clock');
  source.addEventListener('message', ({ data }) => {
    const event = JSON.parse(data);
    time.textContent = `${event.time.slice(11, 19)} UTC`;
    note.textContent = `event ${event.tick}, ${Math.max(0, Date.now() - Date.parse(event.time))} ms old`;
    mark(true);
  });
  source.addEventListener('error', () => {
    note.textContent = 'lost the stream, connecting again …';
    mark(false);
  });
}
