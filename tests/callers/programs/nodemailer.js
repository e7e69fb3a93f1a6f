// nodemailer.js MARK JSON: the JSON is what createTransport is given.
const nodemailer = require('/usr/local/lib/callers/node_modules/nodemailer');

const [mark, transport] = process.argv.slice(2);
nodemailer.createTransport(JSON.parse(transport)).sendMail({
  from: 'Anna Rossi <anna@example.it>',
  to: 'bruno@example.org',
  cc: 'carla@example.com',
  bcc: 'hidden@example.org',
  subject: `${mark} caffè`,
  text: 'A line.\n.\n..two dots\nThe end.\n',
}).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
