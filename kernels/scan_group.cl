// What:    running JOIN along contiguous rows of n elements, in blocks of `size`, on a GPU.
// Layouts: x, out row-major (rows, n); starts (rows, blocks) if `begun`.
// Parameters: T; JOIN(a, b) and its NEUTRAL; STEP as in scan_columns.cl; a block to a work-group of
//          GROUP work-items that hold PER elements each.
// Used by: jairika_nb/engine/routines/scan.py, where the axis is the last one.

#ifndef GROUP
#define GROUP 256
#endif
#ifndef PER
#define PER 4
#endif
#define AT(k) (base + (reverse ? count - 1 - (k) : (k)))

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(
    global T *restrict out, global const T *restrict x, global const T *restrict starts,
    const int n, const int blocks, const int size, const int reverse, const int begun) {
  local T tile[GROUP * PER], sums[GROUP];
  const int me = get_local_id(0), piece = get_group_id(0);
  const int row = piece / blocks, block = piece % blocks;
  const int first = block * size, count = min(size, n - first);
  const size_t base = (size_t)row * n + first;
  T sum = begun ? starts[piece] : (T)(NEUTRAL), lost = 0;
  for (int begin = 0; begin < count; begin += GROUP * PER) {
    for (int i = 0; i < PER; i++) {
      const int k = begin + i * GROUP + me;
      tile[i * GROUP + me] = k < count ? x[AT(k)] : (T)(NEUTRAL);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    T total = NEUTRAL;
    for (int i = 0; i < PER; i++) {
      const T next = tile[me * PER + i];
      total = JOIN(total, next);
      tile[me * PER + i] = total;
    }
    sums[me] = total;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int step = 1; step < GROUP; step *= 2) {
      const T other = me >= step ? sums[me - step] : (T)(NEUTRAL), own = sums[me];
      barrier(CLK_LOCAL_MEM_FENCE);
      sums[me] = JOIN(other, own);
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    const T others = me ? sums[me - 1] : (T)(NEUTRAL), whole = sums[GROUP - 1];
    const T start = JOIN(sum, others);
    for (int i = 0; i < PER; i++) {
      const T own = tile[me * PER + i];
      tile[me * PER + i] = JOIN(start, own);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < PER; i++) {
      const int k = begin + i * GROUP + me;
      if (k < count) out[AT(k)] = tile[i * GROUP + me];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    STEP(T, sum, lost, whole)
  }
}
