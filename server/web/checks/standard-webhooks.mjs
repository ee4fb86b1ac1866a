// Signs and verifies by the library of Standard Webhooks, as the question on stdin says.
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';

const question = JSON.parse(readFileSync(0, 'utf8'));
const webhook = new Webhook(question.secret);
/** @param {unknown} answer */
const say = (answer) => process.stdout.write(JSON.stringify(answer));
if (question.sign) {
  const { id, at, body } = question.sign;
  say({ signature: webhook.sign(id, new Date(at * 1_000), body) });
} else {
  try {
    webhook.verify(question.verify.body, question.verify.headers);
    say({ ok: true });
  } catch (error) {
    say({ ok: false, why: String(error) });
  }
}
