// What:    C[b, m, n] = sum over k of A[b, m, k] * B[b, k, n], the value given to an epilogue.
// Layouts: A is read where it lies, at any strides. B is written, NR columns at a time, into a
//          panel [K][NR] of the work-item's own by a function made for it (`fill`), padded with
//          zeros; C is written by the epilogue, which knows its layout.
// Parameters: MR x NR tile of accumulators in registers, NR a multiple of 16; INNER and ROW are the
//          strides of A along k and m; a work-item takes TILES tiles of NR columns x ROWS rows.
// Used by: the planner's CPU schedule for float32 products (jairika_nb/engine/product.py).

#ifndef MR
#define MR 8
#endif
#ifndef NR
#define NR 32
#endif

kernel void KERNEL_NAME(
    global const float *restrict left, global float *restrict panels, const int M, const int N,
    const int K, const int columns, const int blocks, const int ROWS, const int tiles,
    const int TILES PARAMETERS) {
  const int item = get_global_id(0);
  global float *panel = panels + (size_t)item * K * NR;
  const int last_tile = min((item + 1) * TILES, tiles);
  for (int tile = item * TILES; tile < last_tile; tile++) {
    const int first_n = tile % columns * NR, block = tile / columns % blocks;
    const int batch = tile / columns / blocks;
    fill(panel, batch, first_n, K, N PASSED);
    INDEX start = 0;
    left_start(batch, &start PASSED);
    const int end_m = min((block + 1) * ROWS, M);
    for (int first_m = block * ROWS; first_m < end_m; first_m += MR) {
      // Rows past the end read the last row again; they are not stored.
      global const float *a[MR];
#pragma unroll
      for (int i = 0; i < MR; i++) a[i] = left + start + (INDEX)min(first_m + i, end_m - 1) * ROW;
      float16 sum[MR][NR / 16];
#pragma unroll
      for (int i = 0; i < MR; i++)
#pragma unroll
        for (int v = 0; v < NR / 16; v++) sum[i][v] = (float16)(0.0f);
      for (int k = 0; k < K; k++) {
        float16 row[NR / 16];
#pragma unroll
        for (int v = 0; v < NR / 16; v++) row[v] = vload16((size_t)k * (NR / 16) + v, panel);
#pragma unroll
        for (int i = 0; i < MR; i++) {
          const float16 one = (float16)(a[i][(INDEX)k * INNER]);
#pragma unroll
          for (int v = 0; v < NR / 16; v++) sum[i][v] = fma(one, row[v], sum[i][v]);
        }
      }
#pragma unroll
      for (int i = 0; i < MR; i++) {
        const int m = first_m + i;
        if (m >= end_m) break;
#pragma unroll
        for (int v = 0; v < NR / 16; v++) {
          const int n = first_n + v * 16;
          if (n + 16 <= N) {
            epilogue16(batch, m, n, sum[i][v] PASSED);
          } else {
            float lanes[16];
            vstore16(sum[i][v], 0, lanes);
            for (int j = 0; n + j < N; j++) epilogue1(batch, m, n + j, lanes[j] PASSED);
          }
        }
      }
    }
  }
}
