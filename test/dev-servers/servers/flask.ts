import { type DevServer, shows } from '../dev-server.js';

const APP = `
from flask import Flask, redirect, render_template_string, session, url_for
from flask_wtf import FlaskForm
from wtforms import StringField, SubmitField

app = Flask(__name__)
app.secret_key = 's'

class Greeting(FlaskForm):
    name = StringField('name')
    send = SubmitField('Greet')

PAGE = '''<h1>marker-1</h1><p>hello {{ name }}</p><form method="post">{{ form.hidden_tag() }}
{{ form.name.label }} {{ form.name() }} {{ form.send() }}</form>{{ form.errors }}'''

@app.route('/', methods=['GET', 'POST'])
def index():
    form = Greeting()
    if form.validate_on_submit():
        session['name'] = form.name.data
        return redirect(url_for('index', _external=True))
    return render_template_string(PAGE, form=form, name=session.get('name', 'no one'))
`;

export const flask: DevServer = {
  name: 'Flask with a CSRF form',
  packages: { pip: ['flask~=3.1', 'flask-wtf~=1.3'] },
  files: { 'app.py': APP },
  command: (port) => ['flask', 'run', '--host', '127.0.0.1', '--port', String(port)],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(url);
      await shows(page, 'marker');
    },
    form: async ({ page, url, token }) => {
      await page.getByLabel('name').fill(token);
      await page.getByRole('button', { name: 'Greet' }).click();
      await shows(page, `hello ${token}`);
      if (page.url() !== `${url}/`) throw new Error(`the redirect led to ${page.url()}`);
    },
  },
};
