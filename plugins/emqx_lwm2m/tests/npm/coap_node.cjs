// A device made of the npm package `coap-node`: coap_node.cjs HOST PORT. Registers as "coap-node"
// with a temperature (3303) and a light (3311). Says what happens; leaves when its input ends.
'use strict';

const CoapNode = require('coap-node');
const SmartObject = require('smartobject');

const [host, port] = process.argv.slice(2);
const say = (text) => process.stdout.write(`${text}\n`);

const objects = new SmartObject();
objects.init('temperature', 0, {
  sensorValue: 21.5,
  units: 'Cel',
  5605: { exec(...words) { say(`executed ${words.slice(0, -1)}`); words[words.length - 1](null); } },
});
objects.init('lightCtrl', 0, { onOff: false, dimmer: 10 });

const node = new CoapNode('coap-node', objects, { lifetime: 600, manuf: 'Keel', model: 'js' });
node.on('error', (error) => say(`error ${error.message}`));
node.register(host, Number(port), (error, answer) => {
  if (error || answer.status !== '2.01') {
    say(`not registered: ${error || answer.status}`);
    process.exit(1);
  }
  // It puts /rd/ in front of whatever location it is given; ours is a whole path.
  node.locationPath = node.locationPath.replace(/^\/rd\/+(?=rd)/, '/');
  say('registered');
});

process.stdin.on('data', (line) => {
  const [what, value] = line.toString().trim().split(' ');
  if (what === 'temperature') objects.write('temperature', 0, 'sensorValue', Number(value), () => {});
  if (what === 'update') {
    node.update({ lifetime: Number(value) }, (error, answer) => say(`updated ${answer.status}`));
  }
});
process.stdin.on('end', () => {
  node.deregister((error, answer) => {
    say(`left ${error ? error.message : answer.status}`);
    process.exit(0);
  });
});
