// What:    C[b, m, n] = sum over k of A[b, m, k] * B[b, k, n], the value given to an epilogue.
// Layouts: A packed as [batch][ceil(M / MR)][K][MR], B as [batch][ceil(N / NR)][K][NR], both padded
//          with zeros; C is written by the epilogue, which knows its layout.
// Parameters: MR x NR tile of accumulators in registers, NR a multiple of 16; PANELS row panels a
//          work-item, all against one column panel. EPILOGUE16/EPILOGUE1 store 16 or 1 values.
// Used by: the planner's CPU schedule for float32 products (jairika_nb/engine/product.py).

#ifndef MR
#define MR 8
#endif
#ifndef NR
#define NR 32
#endif
#define NV (NR / 16)

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL_NAME(
    global const float *restrict packed_a, global const float *restrict packed_b,
    const int M, const int N, const int K, const int row_panels, const int column_panels,
    const int panels EPILOGUE_PARAMETERS) {
  const int column = get_global_id(0), block = get_global_id(1), batch = get_global_id(2);
  const int last = min((block + 1) * panels, row_panels);
  for (int panel = block * panels; panel < last; panel++) {
    global const float *a = packed_a + ((size_t)batch * row_panels + panel) * K * MR;
    global const float *b = packed_b + ((size_t)batch * column_panels + column) * K * NR;
    float16 sum[MR][NV];
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
      for (int v = 0; v < NV; v++) sum[i][v] = (float16)(0.0f);
    for (int k = 0; k < K; k++) {
      float16 row[NV];
#pragma unroll
      for (int v = 0; v < NV; v++) row[v] = vload16(v, b);
#pragma unroll
      for (int i = 0; i < MR; i++) {
        const float16 left = (float16)(a[i]);
#pragma unroll
        for (int v = 0; v < NV; v++) sum[i][v] = fma(left, row[v], sum[i][v]);
      }
      a += MR;
      b += NR;
    }
#pragma unroll
    for (int i = 0; i < MR; i++) {
      const int m = panel * MR + i;
      if (m >= M) break;
#pragma unroll
      for (int v = 0; v < NV; v++) {
        const int n = column * NR + v * 16;
        if (n + 16 <= N) {
          EPILOGUE16(batch, m, n, sum[i][v]);
        } else {
          float lanes[16];
          vstore16(sum[i][v], 0, lanes);
          for (int j = 0; n + j < N; j++) EPILOGUE1(batch, m, n + j, lanes[j]);
        }
      }
    }
  }
}
