import { defineConfig } from 'vitepress';

const guides = [
  { text: 'Quick start', link: '/guides/quick-start' },
  { text: "In OpenAI's place", link: '/guides/openai-address' },
  { text: 'Live captions', link: '/guides/live-captions' },
  { text: 'Hundreds of hours', link: '/guides/hundreds-of-hours' },
  { text: 'A GPU cluster', link: '/guides/gpu-cluster' },
  { text: 'Other programs', link: '/integrations' },
];
const reference = [
  { text: 'HTTP API', link: '/api' },
  { text: 'Every address', link: '/every-address' },
  { text: 'Live protocol', link: '/live' },
  { text: 'Dialects', link: '/dialects' },
  { text: 'gRPC', link: '/grpc' },
  { text: 'gRPC contract', link: '/guides/proto' },
  { text: 'Client and command line', link: '/client' },
  { text: 'Console', link: '/console' },
  { text: 'Errors', link: '/errors' },
  { text: 'Keys', link: '/keys' },
  { text: 'Webhooks', link: '/webhooks' },
  { text: 'Models', link: '/models' },
];
const operating = [
  { text: 'Operations', link: '/operations' },
  { text: 'Tuning', link: '/guides/tuning' },
  { text: 'Kubernetes', link: '/deploy/chart' },
  { text: 'Compose', link: '/deploy/compose' },
  { text: 'Images', link: '/deploy/images' },
  { text: 'Sizing', link: '/deploy/sizing' },
  { text: 'Troubleshooting', link: '/deploy/troubleshooting' },
];
const inside = [
  { text: 'Architecture', link: '/architecture' },
  { text: 'Speech detection', link: '/speech-detection' },
  { text: 'Invented text', link: '/invented-text' },
  { text: 'Figures, and others beside them', link: '/performance' },
  { text: 'Model of performance', link: '/performance-model' },
  { text: 'Scale', link: '/scale' },
  { text: 'Dependencies', link: '/dependencies' },
];

/** The site that `npm run docs` builds from docs/: no page asks another host for anything, the search included. */
export default defineConfig({
  title: 'Murmuration',
  description: 'A speech-transcription cluster: speech in, text out.',
  outDir: '../.murmuration/site',
  cacheDir: '../.murmuration/scratch/site',
  cleanUrls: false,
  // Files of the checkout outside of docs, which the site does not hold.
  ignoreDeadLinks: [/^\.\/\.\.\//, /^\.\.\/\.\.\//, /^\.\/samples\//],
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Guides', link: '/guides/quick-start' },
      { text: 'Reference', link: '/api' },
      { text: 'Operations', link: '/operations' },
    ],
    sidebar: [
      { text: 'Guides', items: guides },
      { text: 'Reference', items: reference },
      { text: 'Operations', items: operating },
      { text: 'Inside', items: inside },
    ],
    outline: [2, 3],
  },
});
