export { lineChart, shortNumber, type Chart } from './line-chart.js';
export { machine } from './report.js';
