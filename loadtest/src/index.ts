export { lineChart, shortNumber, type Chart, machine } from './report.js';
