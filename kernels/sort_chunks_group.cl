// What:    as sort_chunks.cl on a GPU: a work-group counts or moves a chunk of GROUP * PER pairs.
// Layouts: pairs (rows, n) ulong; counts and places (rows, DIGITS, chunks) int.
// Parameters: STEP 1 counts, 2 moves; DIGITS a power of two; a work-item holds PER neighbours, so
//          the order of equal digits is that of the work-items.
// Used by: jairika_nb/engine/routines/sort.py.

#ifndef GROUP
#define GROUP 256
#endif
#ifndef PER
#define PER 8
#endif
#ifndef DIGITS
#define DIGITS 16
#endif
#define DIGIT(pair) ((pair) >> shift & (DIGITS - 1))

#if STEP == 1
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(
    global int *restrict counts, global const ulong *restrict pairs, const int n, const int shift,
    const int chunks) {
  local uint found[DIGITS];
  const int me = get_local_id(0), piece = get_group_id(0);
  const int row = piece / chunks, own = piece % chunks;
  if (me < DIGITS) found[me] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = 0; i < PER; i++) {
    const int k = (own * PER + i) * GROUP + me;
    if (k < n) atomic_inc(found + DIGIT(pairs[(size_t)row * n + k]));
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  if (me < DIGITS) counts[((size_t)row * DIGITS + me) * chunks + own] = found[me];
}
#else
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(
    global ulong *restrict out, global const ulong *restrict pairs,
    global const int *restrict places, const int n, const int shift, const int chunks) {
  local uint ranks[DIGITS * GROUP], sums[GROUP], starts[DIGITS];
  const int me = get_local_id(0), piece = get_group_id(0);
  const int row = piece / chunks, own = piece % chunks;
  const int first = (own * GROUP + me) * PER;
  for (int digit = 0; digit < DIGITS; digit++) ranks[digit * GROUP + me] = 0;
  for (int i = 0; i < PER && first + i < n; i++)
    ranks[DIGIT(pairs[(size_t)row * n + first + i]) * GROUP + me]++;
  barrier(CLK_LOCAL_MEM_FENCE);
  // Running sums over digits, and within a digit over work-items.
  uint sum = 0;
  for (int i = 0; i < DIGITS; i++) {
    const uint count = ranks[me * DIGITS + i];
    ranks[me * DIGITS + i] = sum;
    sum += count;
  }
  sums[me] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int step = 1; step < GROUP; step *= 2) {
    const uint other = me >= step ? sums[me - step] : 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    sums[me] += other;
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < DIGITS; i++) ranks[me * DIGITS + i] += sums[me] - sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (me < DIGITS)
    starts[me] = places[((size_t)row * DIGITS + me) * chunks + own] - ranks[me * GROUP];
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = 0; i < PER && first + i < n; i++) {
    const ulong pair = pairs[(size_t)row * n + first + i];
    const uint digit = DIGIT(pair);
    const uint rank = ranks[digit * GROUP + me];
    ranks[digit * GROUP + me] = rank + 1;
    out[(size_t)row * n + starts[digit] + rank] = pair;
  }
}
#endif
