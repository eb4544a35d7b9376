/**
 * The cheapest monotonic path through a cost matrix (dynamic time warping with steps of one row, one column or both).
 * @param cost rows × columns, row by row; lower is better
 * @returns for each row the first column of the path in it
 */
export function firstColumns(cost: Float32Array, rows: number, columns: number): Int32Array {
  const width = columns + 1;
  const total = new Float32Array((rows + 1) * width).fill(Infinity);
  const step = new Uint8Array((rows + 1) * width);
  total[0] = 0;
  for (let i = 1; i <= rows; i++) {
    for (let j = 1; j <= columns; j++) {
      const here = i * width + j;
      const both = total[here - width - 1] ?? Infinity;
      const down = total[here - width] ?? Infinity;
      const right = total[here - 1] ?? Infinity;
      const move = both < down && both < right ? BOTH : down < both && down < right ? DOWN : RIGHT;
      step[here] = move;
      total[here] = (cost[(i - 1) * columns + j - 1] ?? 0) + (move === BOTH ? both : move === DOWN ? down : right);
    }
  }
  const first = new Int32Array(rows);
  for (let i = rows, j = columns; i > 0;) {
    first[i - 1] = Math.max(0, j - 1);
    const move = j === 0 ? DOWN : step[i * width + j];
    if (move !== DOWN) j--;
    if (move !== RIGHT) i--;
  }
  return first;
}

const BOTH = 0;
const DOWN = 1;
const RIGHT = 2;
