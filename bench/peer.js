// Routes with the published Node package, as its README shows, and prints one
// line of JSON: µs a request as the caller waits, and as the package itself
// tells of its native part. The first argument is the package's directory, the
// others are numbers of candidates.
const [directory, ...sizes] = process.argv.slice(2);
const { Router } = require(directory);
const dimension = 384, calls = 200;

const vector = () => Float32Array.from({ length: dimension }, () => Math.random() * 2 - 1);
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

async function measure(n) {
  // The package takes a model's path, and does without the file.
  const router = new Router({ modelPath: 'none.safetensors', enableCircuitBreaker: false });
  const candidates = Array.from({ length: n }, (_, i) => ({
    id: `agent-${i}`, embedding: vector(), successRate: 0.9, accessCount: 10, createdAt: 1700000000000,
  }));
  const waited = [], native = [];
  for (let i = 0; i < calls; i++) {
    const queryEmbedding = vector();
    const began = process.hrtime.bigint();
    const answer = await router.route({ queryEmbedding, candidates });
    waited.push(Number(process.hrtime.bigint() - began) / 1e3);
    native.push(answer.inferenceTimeUs);
  }
  return { candidates: n, waited: median(waited), native: median(native) };
}

(async () => {
  const results = [];
  for (const n of sizes) results.push(await measure(Number(n)));
  console.log(JSON.stringify(results));
})();
