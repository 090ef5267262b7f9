'use strict';
// A key that is set, and seen by a watcher of the same client. Only what is asynchronous is used: the synchronous
// calls of node-etcd need a native module that `npm ci --ignore-scripts` does not build.
const Module = require('node:module');
const load = Module._load;
Module._load = (request, ...rest) => (request === 'deasync' ? {} : load(request, ...rest));
const Etcd = require('node-etcd');

const [scene, endpoint, ...settings] = process.argv.slice(2);
const numbers = Object.fromEntries(settings.map((setting) => setting.split('=')));

function say(answer) {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ ...answer, cpu_us: user + system }));
}

function v2(rounds) {
  const client = new Etcd(endpoint);
  const walls = [];
  let begin;
  const write = () => {
    begin = process.hrtime.bigint();
    client.set('peers/node', String(walls.length), (error) => error && fail(error));
  };
  const watcher = client.watcher('peers/node');
  watcher.on('change', () => {
    walls.push(Number(process.hrtime.bigint() - begin) / 1000);
    if (walls.length < rounds) return write();
    walls.sort((one, other) => one - other);
    say({ p50_us: walls[Math.floor(walls.length / 2)] });
    process.exit(0);
  });
  setTimeout(write, 200);
}

function fail(error) {
  console.error(String(error));
  process.exit(1);
}

if (scene === 'v2') v2(Number(numbers.rounds));
else console.log(JSON.stringify({ unsupported: scene }));
