// What:    out[b, l, :] = sum over s of softmax over s (scale * q[b, l, :] . k[b, s, :]) * v[b, s, :],
//          without a buffer of L x S: the softmax is corrected as keys come in (M. Milakov and
//          N. Gimelshein 2018; T. Dao et al., FlashAttention, 2022).
// Layouts: q [batch][L][E], k [batch][S][E], v [batch][S][V], out [batch][L][V]; V a multiple of 16.
// Parameters: ROWS queries a work-item, GROUP of them at a time, 32 keys at a time; CAUSAL 1 lets
//          query l see keys up to l only.
// Used by: the planner, in place of the region "attention" (jairika_nb/engine/regions.py).

#ifndef ROWS
#define ROWS 64
#endif
#ifndef GROUP
#define GROUP 4
#endif
#ifndef CAUSAL
#define CAUSAL 0
#endif

inline float most(float16 x) {
  const float8 a = fmax(x.lo, x.hi);
  const float4 b = fmax(a.lo, a.hi);
  const float2 c = fmax(b.lo, b.hi);
  return fmax(c.x, c.y);
}

inline float total(float16 x) {
  const float8 a = x.lo + x.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
}

kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict q, global const float *restrict k,
    global const float *restrict v, global float *restrict scratch, const float scale, const int L,
    const int S, const int E, const int V, const int blocks) {
  const int item = get_global_id(0), batch = item / blocks, first = item % blocks * ROWS;
  const int rows = min(ROWS, L - first);
  const int16 ramp = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  // Of the work-item's own: 32 keys turned so that neighbours are lanes, and each query's state.
  global float *panel = scratch + (size_t)item * (E * 32 + ROWS * 2);
  global float *top = panel + E * 32, *sum = top + ROWS;
  q += ((size_t)batch * L + first) * E;
  k += (size_t)batch * S * E;
  v += (size_t)batch * S * V;
  out += ((size_t)batch * L + first) * V;
  for (int r = 0; r < rows; r++) {
    top[r] = -INFINITY;
    sum[r] = 0;
    for (int c = 0; c < V; c += 16) vstore16((float16)(0.0f), 0, out + (size_t)r * V + c);
  }
  const int end = CAUSAL ? min(S, first + rows) : S;
  for (int start = 0; start < end; start += 32) {
    const int width = min(32, end - start);
    for (int j = 0; j < 32; j++)
      for (int e = 0; e < E; e++)
        panel[e * 32 + j] = j < width ? k[(size_t)(start + j) * E + e] : 0.0f;
    for (int r = 0; r < rows; r += GROUP) {
      float16 low[GROUP], high[GROUP];
      global const float *one[GROUP];
#pragma unroll
      for (int i = 0; i < GROUP; i++) {
        one[i] = q + (size_t)min(r + i, rows - 1) * E;
        low[i] = high[i] = (float16)(0.0f);
      }
      for (int e = 0; e < E; e++) {
        const float16 a = vload16(2 * e, panel), b = vload16(2 * e + 1, panel);
#pragma unroll
        for (int i = 0; i < GROUP; i++) {
          const float16 x = (float16)(one[i][e] * scale);
          low[i] = fma(x, a, low[i]);
          high[i] = fma(x, b, high[i]);
        }
      }
      float chance[GROUP][32], old[GROUP];
#pragma unroll
      for (int i = 0; i < GROUP; i++) {
        const int row = min(r + i, rows - 1);
        const int seen = CAUSAL ? min(width, first + row + 1 - start) : width;
        low[i] = (ramp < (int16)(seen)) ? low[i] : (float16)(-INFINITY);
        high[i] = (ramp + 16 < (int16)(seen)) ? high[i] : (float16)(-INFINITY);
        const float best = fmax(top[row], most(fmax(low[i], high[i])));
        // A row that saw no key yet stays at zero.
        const bool blind = best == -INFINITY;
        const float from = blind ? 0.0f : best;
        low[i] = exp(low[i] - from);
        high[i] = exp(high[i] - from);
        old[i] = exp(top[row] - from);
        vstore16(low[i], 0, chance[i]);
        vstore16(high[i], 1, chance[i]);
        if (r + i < rows) {
          sum[row] = sum[row] * old[i] + total(low[i] + high[i]);
          top[row] = best;
        }
      }
      for (int c = 0; c < V; c += 16) {
        float16 mean[GROUP];
#pragma unroll
        for (int i = 0; i < GROUP; i++)
          mean[i] = vload16(0, out + (size_t)min(r + i, rows - 1) * V + c) * old[i];
        for (int j = 0; j < width; j++) {
          const float16 value = vload16(0, v + (size_t)(start + j) * V + c);
#pragma unroll
          for (int i = 0; i < GROUP; i++) mean[i] = fma((float16)(chance[i][j]), value, mean[i]);
        }
#pragma unroll
        for (int i = 0; i < GROUP; i++)
          if (r + i < rows) vstore16(mean[i], 0, out + (size_t)(r + i) * V + c);
      }
    }
  }
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < V; c += 16) {
      const size_t at = (size_t)r * V + c;
      vstore16(vload16(0, out + at) / sum[r], 0, out + at);
    }
}
