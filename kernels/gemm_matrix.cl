// What:    C[b, m, n] = sum over k of A[b, m, k] * B[b, k, n] by the matrix units of a GPU, with
//          sums in float32; else as gemm_local.cl, whose epilogue and parts of k it shares.
// Layouts: tiles in local memory are [ROWS][WORDS + 4] and [COLUMNS][WORDS + 4] words of 32 bits,
//          each two neighbours along k of 16 bits (float16, bfloat16) or one number (tf32). Of these
//          words UNIT_ROWS x 8 and UNIT_COLUMNS x 8 are the operands of `multiply`, and which of them
//          a work-item has is said beside it, in matrix_nvidia.cl or matrix_intel.cl.
//          What goes into the tiles, and how, is in gemm_operand.cl.
// Parameters: LANES work-items compute HIGH x WIDE values of a group's ROWS x COLUMNS, UNIT_ROWS x
//          UNIT_COLUMNS by an instruction, to which each brings LEFT_WORDS and RIGHT_WORDS and gets
//          UNIT_SUMS. DEPTH elements along k, which are WORDS, make a step. SUB_GROUP is empty or an
//          attribute; EMULATED whether the instruction is done by hand (matrix_emulated.cl).
// Used by: the planner's GPU schedule (jairika_nb/engine/product_gpu.py, matrix_units.py).

#ifndef THREADS
#define THREADS 128
#endif
#ifndef ROWS
#define ROWS 64
#endif
#ifndef COLUMNS
#define COLUMNS 64
#endif
#ifndef DEPTH
#define DEPTH 32
#endif
#ifndef HIGH
#define HIGH 32
#endif
#ifndef WIDE
#define WIDE 32
#endif
#ifndef WORDS
#define WORDS 16
#endif
#ifndef LANES
#define LANES 32
#endif
#ifndef UNIT_ROWS
#define UNIT_ROWS 16
#endif
#ifndef UNIT_COLUMNS
#define UNIT_COLUMNS 8
#endif
#ifndef LEFT_WORDS
#define LEFT_WORDS 4
#endif
#ifndef RIGHT_WORDS
#define RIGHT_WORDS 2
#endif
#ifndef UNIT_SUMS
#define UNIT_SUMS 4
#endif
#ifndef EMULATED
#define EMULATED 0
#endif

#define TILES_SIZE ((ROWS + COLUMNS) * (WORDS + 4))
#define OUT_SIZE (THREADS / LANES * UNIT_ROWS * (WIDE + 4))
#define SPARE_SIZE ((UNIT_ROWS + UNIT_COLUMNS) * 8)

kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) SUB_GROUP void KERNEL_NAME(
    const int M, const int N, const int K, const int tiles_m, const int tiles_n,
    const int batches, const int part PARAMETERS) {
  // The tiles; in the end, for LANES work-items each, [UNIT_ROWS][WIDE + 4] sums on their way out.
  local uint memory[TILES_SIZE > OUT_SIZE ? TILES_SIZE : OUT_SIZE];
  local uint *left_tile = memory, *right_tile = memory + ROWS * (WORDS + 4);
#if EMULATED
  local uint all_words[THREADS / LANES * SPARE_SIZE];
  local uint *words = all_words + get_local_id(0) / LANES * SPARE_SIZE;
#else
  local uint *words = memory;
#endif
  // Work-groups that run at one time share rows and columns: eight rows of tiles, column by column.
  const int all = tiles_m * tiles_n, tile = get_group_id(0) % all, z = get_group_id(0) / all;
  const int above = tile / (8 * tiles_n) * 8, high = min(tiles_m - above, 8);
  const int first_m = (above + tile % (8 * tiles_n) % high) * ROWS;
  const int first_n = tile % (8 * tiles_n) / high * COLUMNS;
  const int lane = get_local_id(0) % LANES, warp = get_local_id(0) / LANES;
  const int warp_m = warp / (COLUMNS / WIDE) * HIGH, warp_n = warp % (COLUMNS / WIDE) * WIDE;
  const int batch = z % batches, begin_k = z / batches * part, end_k = min(begin_k + part, K);
  float left_next[ROWS * DEPTH / THREADS], right_next[COLUMNS * DEPTH / THREADS];
  float sum[HIGH / UNIT_ROWS][WIDE / UNIT_COLUMNS][UNIT_SUMS];
#pragma unroll
  for (int i = 0; i < HIGH / UNIT_ROWS; i++)
#pragma unroll
    for (int j = 0; j < WIDE / UNIT_COLUMNS; j++)
#pragma unroll
      for (int s = 0; s < UNIT_SUMS; s++) sum[i][j][s] = 0.0f;
  if (begin_k < end_k) {
    left_fetch(batch, first_m, M, begin_k, end_k, left_next PASSED);
    right_fetch(batch, first_n, N, begin_k, end_k, right_next PASSED);
  }
  for (int first_k = begin_k; first_k < end_k; first_k += DEPTH) {
    left_put(left_tile, left_next);
    right_put(right_tile, right_next);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (first_k + DEPTH < end_k) {
      left_fetch(batch, first_m, M, first_k + DEPTH, end_k, left_next PASSED);
      right_fetch(batch, first_n, N, first_k + DEPTH, end_k, right_next PASSED);
    }
#pragma unroll
    for (int k = 0; k < WORDS; k += 8) {
      uint left[HIGH / UNIT_ROWS][LEFT_WORDS], right[WIDE / UNIT_COLUMNS][RIGHT_WORDS];
#pragma unroll
      for (int i = 0; i < HIGH / UNIT_ROWS; i++)
#pragma unroll
        for (int s = 0; s < LEFT_WORDS; s++)
          left[i][s] = left_tile[(warp_m + i * UNIT_ROWS + left_row(lane, s)) * (WORDS + 4) + k +
                                 left_word(lane, s)];
#pragma unroll
      for (int j = 0; j < WIDE / UNIT_COLUMNS; j++)
#pragma unroll
        for (int s = 0; s < RIGHT_WORDS; s++)
          right[j][s] = right_tile[(warp_n + j * UNIT_COLUMNS + right_column(lane, s)) * (WORDS + 4) +
                                   k + right_word(lane, s)];
#pragma unroll
      for (int i = 0; i < HIGH / UNIT_ROWS; i++)
#pragma unroll
        for (int j = 0; j < WIDE / UNIT_COLUMNS; j++) multiply(left[i], right[j], sum[i][j], words);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  local float *out = (local float *)memory + warp * UNIT_ROWS * (WIDE + 4);
#pragma unroll
  for (int i = 0; i < HIGH / UNIT_ROWS; i++) {
#pragma unroll
    for (int j = 0; j < WIDE / UNIT_COLUMNS; j++)
#pragma unroll
      for (int s = 0; s < UNIT_SUMS; s++)
        out[sum_row(lane, s) * (WIDE + 4) + j * UNIT_COLUMNS + sum_column(lane, s)] = sum[i][j][s];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int quad = lane; quad < UNIT_ROWS * WIDE / 4; quad += LANES) {
      const int row = quad / (WIDE / 4), column = quad % (WIDE / 4) * 4;
      const int m = first_m + warp_m + i * UNIT_ROWS + row, n = first_n + warp_n + column;
      float values[4];
      vstore4(vload4(0, out + row * (WIDE + 4) + column), 0, values);
      if (m < M && n < N) epilogue(z, m, n, min(4, N - n), values PASSED);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
}
