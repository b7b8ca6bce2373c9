// What:    C[b, m, n] = sum over k of A[b, m, k] * B[b, k, n], four values at a time given to an
//          epilogue; or, for `part` less than K, the sums over parts of k, the outermost axis of C.
// Layouts: the tiles in local memory are [DEPTH][ROWS + 4] and [DEPTH][COLUMNS + 4]; what goes into
//          them, and how, is in gemm_operand.cl. C is written by the epilogue.
// Parameters: a work-group of THREADS items computes ROWS x COLUMNS values in steps of DEPTH, each
//          item HIGH x WIDE of them, by fours; the next step is read while one is computed. Sums of
//          BLOCK elements, whole steps, are put aside: errors grow with a block, not with the sum.
// Used by: the planner's GPU schedule (jairika_nb/engine/product_gpu.py, tiles.py).

#ifndef REAL
#define REAL float
#endif
#ifndef REAL4
#define REAL4 float4
#endif
#ifndef THREADS
#define THREADS 256
#endif
#ifndef ROWS
#define ROWS 64
#endif
#ifndef COLUMNS
#define COLUMNS 64
#endif
#ifndef DEPTH
#define DEPTH 16
#endif
#ifndef HIGH
#define HIGH 4
#endif
#ifndef WIDE
#define WIDE 4
#endif
#ifndef BLOCK
#define BLOCK 512
#endif

kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void KERNEL_NAME(
    const int M, const int N, const int K, const int tiles_m, const int tiles_n,
    const int batches, const int part PARAMETERS) {
  local REAL4 left_tile[DEPTH * (ROWS + 4) / 4], right_tile[DEPTH * (COLUMNS + 4) / 4];
  // Work-groups that run at one time share rows and columns: eight rows of tiles, column by column.
  const int all = tiles_m * tiles_n, tile = get_group_id(0) % all, z = get_group_id(0) / all;
  const int above = tile / (8 * tiles_n) * 8, high = min(tiles_m - above, 8);
  const int first_m = (above + tile % (8 * tiles_n) % high) * ROWS;
  const int first_n = tile % (8 * tiles_n) / high * COLUMNS;
  const int x = get_local_id(0) % (COLUMNS / WIDE), y = get_local_id(0) / (COLUMNS / WIDE);
  const int batch = z % batches, begin_k = z / batches * part, end_k = min(begin_k + part, K);
  REAL left_next[ROWS * DEPTH / THREADS], right_next[COLUMNS * DEPTH / THREADS];
  REAL4 sum[HIGH][WIDE / 4];
#pragma unroll
  for (int i = 0; i < HIGH; i++)
#pragma unroll
    for (int j = 0; j < WIDE / 4; j++) sum[i][j] = (REAL4)(0);
  // Touched once a block, it shall not take registers: compilers do not know that `zero` is 0.
  REAL4 total[HIGH * WIDE / 4];
  const int zero = min(part, 0), is_cut = part > BLOCK;
  for (int i = 0; is_cut && i < HIGH * WIDE / 4; i++) total[i] = (REAL4)(0);
  if (begin_k < end_k) {
    left_fetch(batch, first_m, M, begin_k, end_k, left_next PASSED);
    right_fetch(batch, first_n, N, begin_k, end_k, right_next PASSED);
  }
  for (int first_k = begin_k; first_k < end_k; first_k += DEPTH) {
    left_put((local REAL *)left_tile, left_next);
    right_put((local REAL *)right_tile, right_next);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (first_k + DEPTH < end_k) {
      left_fetch(batch, first_m, M, first_k + DEPTH, end_k, left_next PASSED);
      right_fetch(batch, first_n, N, first_k + DEPTH, end_k, right_next PASSED);
    }
#pragma unroll 4
    for (int k = 0; k < DEPTH; k++) {
      REAL left[HIGH];
      REAL4 right[WIDE / 4];
#pragma unroll
      for (int i = 0; i < HIGH / 4; i++)
        vstore4(left_tile[(k * (ROWS + 4) + i * (ROWS / HIGH * 4)) / 4 + y], i, left);
#pragma unroll
      for (int j = 0; j < WIDE / 4; j++)
        right[j] = right_tile[(k * (COLUMNS + 4) + j * (COLUMNS / WIDE * 4)) / 4 + x];
#pragma unroll
      for (int i = 0; i < HIGH; i++)
#pragma unroll
        for (int j = 0; j < WIDE / 4; j++) sum[i][j] = fma((REAL4)(left[i]), right[j], sum[i][j]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (is_cut && (first_k - begin_k) % BLOCK == BLOCK - DEPTH) {
#pragma unroll
      for (int i = 0; i < HIGH; i++)
#pragma unroll
        for (int j = 0; j < WIDE / 4; j++) {
          total[i * (WIDE / 4) + j + zero] += sum[i][j];
          sum[i][j] = (REAL4)(0);
        }
    }
  }
#pragma unroll
  for (int i = 0; i < HIGH; i++)
#pragma unroll
    for (int j = 0; j < WIDE / 4; j++) {
      if (is_cut) sum[i][j] += total[i * (WIDE / 4) + j + zero];
      const int m = first_m + i / 4 * (ROWS / HIGH * 4) + y * 4 + i % 4;
      const int n = first_n + j * (COLUMNS / WIDE * 4) + x * 4;
      REAL values[4];
      vstore4(sum[i][j], 0, values);
      if (m < M && n < N) epilogue(z, m, n, min(4, N - n), values PASSED);
    }
}
