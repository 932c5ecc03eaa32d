/**
 * The straight line through points (least squares), and how far they scatter around it.
 *
 * @param {readonly { x: number, y: number }[]} points
 * @returns {{ slope: number, scatter: number, rise: number }} `rise`: of the line from the first point to the last
 */
export function trend(points) {
  const n = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / n;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / n;
  const xx = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const xy = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  const slope = xx === 0 ? 0 : xy / xx;
  const residual = points.reduce((sum, { x, y }) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  const rise = slope * ((points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0));
  return { slope, scatter: Math.sqrt(residual / Math.max(1, n - 2)), rise };
}
