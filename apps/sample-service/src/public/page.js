// The parts of the page that need a script. Each sets its mark in the list of checks to good or bad.
import { watchClock } from './clock.js';
import { connectEcho } from './echo.js';
import { prepareUpload } from './upload.js';

const byId = (id) => document.getElementById(id);

function mark(check, good) {
  document.querySelector(`[data-check="${check}"]`).dataset.state = good ? 'good' : 'bad';
}

mark('script', true);
mark('style', getComputedStyle(document.documentElement).getPropertyValue('--accent') !== '');

for (const image of document.querySelectorAll('.pictures img')) {
  const judge = () => mark(image.id, image.naturalWidth > 0);
  if (image.complete) judge();
  else {
    image.addEventListener('load', judge);
    image.addEventListener('error', judge);
  }
}

watchClock({ time: byId('clock-time'), note: byId('clock-note'), mark: (good) => mark('clock', good) });
connectEcho({ form: byId('echo-form'), log: byId('echo-log'), mark: (good) => mark('echo', good) });
prepareUpload({ form: byId('upload-form'), bar: byId('upload-bar'), result: byId('upload-result') });
