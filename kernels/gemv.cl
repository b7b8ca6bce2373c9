// What:    C[b, m, n] = sum over k of A[b, m, k] * B[b, k, n] for few rows m, by reading B once and
//          straight from memory; the value is given to an epilogue.
// Layouts: A is read where it lies, at any strides; right16 gives 16 values of B along n
//          (ALONG_N 1), or along k; C is written by the epilogue, which knows its layout.
// Parameters: MR rows (1, 2, 4 or 8) of at most MOST columns at once, in ALONG_N 1 from TOGETHER rows
//          of B, else from MOST rows of B transposed, where after DEPTH steps a sum joins the
//          total; INNER and ROW are the strides of A along k and m, LEFT16 reads 16 values along k;
//          a work-item takes PIECES pieces of SPAN columns.
// Used by: the planner's CPU schedule for float32 products (jairika_nb/engine/gemv.py).

#ifndef MR
#define MR 1
#endif
#ifndef MOST
#define MOST 2048
#endif
#ifndef TOGETHER
#define TOGETHER 8
#endif
#ifndef DEPTH
#define DEPTH 512
#endif
#ifndef ALONG_N
#define ALONG_N 1
#endif

kernel void KERNEL_NAME(
    global const float *restrict left, const int M, const int N, const int K, const int SPAN,
    const int spans, const int pieces, const int PIECES PARAMETERS) {
  const int last = min(((int)get_global_id(0) + 1) * PIECES, pieces);
  for (int piece = get_global_id(0) * PIECES; piece < last; piece++) {
    const int batch = piece / spans, first_n = piece % spans * SPAN;
    INDEX start = 0;
    left_start(batch, &start PASSED);
    // Rows past the end read the last row again; they are not stored.
    global const float *a[MR];
#pragma unroll
    for (int i = 0; i < MR; i++) a[i] = left + start + (INDEX)min(i, M - 1) * ROW;
    float result[MR * MOST];
#if ALONG_N
    // Long pieces of some rows of B at a time: memory is quickest in order, and sums stay in the
    // first cache.
    const int size = min(SPAN, N - first_n), end = size / 16 * 16;
    for (int i = 0; i < MR * MOST; i += 16) vstore16((float16)(0.0f), 0, result + i);
    int k = 0;
    for (; k + TOGETHER <= K; k += TOGETHER) {
      float one[MR][TOGETHER];
#pragma unroll
      for (int i = 0; i < MR; i++)
#pragma unroll
        for (int r = 0; r < TOGETHER; r++) one[i][r] = a[i][(INDEX)(k + r) * INNER];
      for (int v = 0; v < end; v += 16) {
        float16 sum[MR];
#pragma unroll
        for (int i = 0; i < MR; i++) sum[i] = (float16)(0.0f);
#pragma unroll
        for (int r = 0; r < TOGETHER; r++) {
          float16 line;
          right16(batch, k + r, first_n + v, &line PASSED);
#pragma unroll
          for (int i = 0; i < MR; i++) sum[i] = fma((float16)(one[i][r]), line, sum[i]);
        }
#pragma unroll
        for (int i = 0; i < MR; i++) {
          float *total = result + i * MOST + v;
          vstore16(vload16(0, total) + sum[i], 0, total);
        }
      }
    }
    for (; k < K; k++)
      for (int v = 0; v < end; v += 16) {
        float16 line;
        right16(batch, k, first_n + v, &line PASSED);
#pragma unroll
        for (int i = 0; i < MR; i++) {
          float *total = result + i * MOST + v;
          vstore16(fma((float16)(a[i][(INDEX)k * INNER]), line, vload16(0, total)), 0, total);
        }
      }
    for (int at = end; at < size; at++)
      for (k = 0; k < K; k++) {
        float value;
        right1(batch, k, first_n + at, &value PASSED);
        for (int m = 0; m < M; m++) {
          const float one = left[start + (INDEX)m * ROW + (INDEX)k * INNER];
          result[m * MOST + at] = fma(one, value, result[m * MOST + at]);
        }
      }
    for (int m = 0; m < M; m++) {
      for (int v = 0; v < end; v += 16)
        epilogue16(batch, m, first_n + v, vload16(0, result + m * MOST + v) PASSED);
      for (int at = end; at < size; at++)
        epilogue1(batch, m, first_n + at, result[m * MOST + at] PASSED);
    }
#else
    float16 total[MR][MOST];
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
      for (int j = 0; j < MOST; j++) total[i][j] = (float16)(0.0f);
    int k = 0;
    while (k + 16 <= K) {
      float16 sum[MR][MOST];
#pragma unroll
      for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < MOST; j++) sum[i][j] = (float16)(0.0f);
      for (const int stop = min(k + DEPTH * 16, K - 15); k < stop; k += 16) {
        float16 one[MR];
#pragma unroll
        for (int i = 0; i < MR; i++) one[i] = LEFT16;
#pragma unroll
        for (int j = 0; j < MOST; j++) {
          float16 line;
          right16(batch, k, min(first_n + j, N - 1), &line PASSED);
#pragma unroll
          for (int i = 0; i < MR; i++) sum[i][j] = fma(one[i], line, sum[i][j]);
        }
      }
#pragma unroll
      for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < MOST; j++) total[i][j] += sum[i][j];
    }
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
      for (int j = 0; j < MOST; j++) {
        const float8 eight = total[i][j].lo + total[i][j].hi;
        const float4 four = eight.lo + eight.hi;
        const float2 two = four.lo + four.hi;
        result[i * MOST + j] = two.x + two.y;
      }
    for (int j = 0; j < MOST && first_n + j < N; j++)
      for (int m = 0; m < M; m++) {
        float sum = result[m * MOST + j];
        for (int rest = k; rest < K; rest++) {
          float value;
          right1(batch, rest, first_n + j, &value PASSED);
          sum = fma(left[start + (INDEX)m * ROW + (INDEX)rest * INNER], value, sum);
        }
        epilogue1(batch, m, first_n + j, sum PASSED);
      }
#endif
  }
}
