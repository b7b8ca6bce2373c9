// What:    the derivatives of attention.cl: dv = P' g, dk = dS' q, dq = dS k, where
//          P = exp(scores - logsum) is computed again, dS = scale * P * (g v' - g . y)
//          (T. Dao et al., "FlashAttention", 2022).
// Layouts: as in attention.cl; g and y as out, dq, dk and dv as q, k and v, logsum [batch][L]. A
//          work-item has every PARTS-th block of 32 keys, its lanes, of one batch and goes through
//          all queries for each: dk and dv have one owner, dq one for each part, in fixed order.
// Parameters: CAUSAL, MASKED, MASK_TYPE, DROPOUT as in attention.cl; DIRECT 1 where rows of dq are
//          whole vectors and take the sums themselves.
// Used by: the planner, for float32 attention on a CPU (jairika_nb/engine/ops/attention.py).

#ifndef ROWS
#define ROWS 32
#endif
#ifndef DIRECT
#define DIRECT 0
#endif

kernel void KERNEL_NAME(
    BACKWARD_OPERANDS(y), global float *restrict scratch, const int PARTS, const long dq_part,
    BACKWARD_VIEWS(y)) {
  const int item = get_global_id(0), batch = item / PARTS, part = item % PARTS;
  const int16 ramp = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  BACKWARD_BATCHES(y)
  dq += part * dq_part;
  // Of the work-item's own: keys and values turned, keys filled up to whole vectors, both
  // derivatives turned, two tiles, g . y of each query, and dq where its rows are no whole vectors.
  const int wide = (E + 15) / 16 * 16;
  const size_t own = 64 * (size_t)(E + V) + 32 * wide + 64 * ROWS + L + (DIRECT ? 0 : L * wide);
  global float *keys = scratch + item * own, *values = keys + E * 32, *plain = values + V * 32;
  global float *of_keys = plain + wide * 32, *of_values = of_keys + E * 32;
  global float *chance = of_values + V * 32, *slope = chance + ROWS * 32, *mean = slope + ROWS * 32;
  global float *total = DIRECT ? dq : mean + L;
  const long total_row = DIRECT ? dq_row : wide;
  const float16 one = (float16)(1.0f);
  for (int r = 0; r < L; r++) {
    float16 wide_sum = (float16)(0.0f);
    float sum = 0;
    int c = 0;
    for (; c + 16 <= V; c += 16)
      wide_sum = fma(vload16(0, g + r * g_row + c), vload16(0, y + r * y_row + c), wide_sum);
    for (; c < V; c++) sum = fma(g[r * g_row + c], y[r * y_row + c], sum);
    const float8 a = wide_sum.lo + wide_sum.hi;
    const float4 b = a.lo + a.hi;
    mean[r] = sum + ((b.x + b.z) + (b.y + b.w));
    for (int e = 0; e < wide; e += 16) vstore16((float16)(0.0f), 0, total + r * total_row + e);
  }
  for (int first = part * 32; first < S; first += PARTS * 32) {
    const int count = min(32, S - first);
    turned(keys, k + first * k_row, count, k_row, E, scale);
    turned(values, v + first * v_row, count, v_row, V, 1.0f);
    for (int j = 0; j < 32; j++) {
      global const float *key = k + min(first + j, S - 1) * k_row;
      int e = 0;
      for (; e + 16 <= E; e += 16)
        vstore16(j < count ? vload16(0, key + e) : (float16)(0.0f), 0, plain + j * wide + e);
      for (; e < wide; e++) plain[j * wide + e] = j < count && e < E ? key[e] : 0.0f;
    }
    for (int c = 0; c < 2 * (E + V); c++) vstore16((float16)(0.0f), c, of_keys);
    for (int start = CAUSAL ? first : 0; start < L; start += ROWS) {
      const int rows = min(ROWS, L - start);
      for (int r = 0; r < rows; r += 8) {
        global const float *a[8];
        float16 tile[8][2];
#pragma unroll
        for (int i = 0; i < 8; i++) a[i] = q + min(start + r + i, L - 1) * q_row;
#if DROPOUT
        for (int h = 0; h < 2; h++) {
          const uint number = ((uint)batch * L + start + r) * S + first + 16 * h;
          factors_across(chance + r * 32 + 16 * h, number, S, keep, k0, k1, call);
        }
#endif
        clear8(tile);
        tile8(tile, a, 1, keys, 32, E);
#pragma unroll
        for (int i = 0; i < 8; i++) {
          const int row = min(start + r + i, L - 1);
          const float from = logsum[row];
#pragma unroll
          for (int h = 0; h < 2; h++) {
            const int16 at = ramp + 16 * h;
            float16 s = tile[i][h];
#if MASKED
            const int lanes = count - 16 * h;
            const long place = first + (lanes > 0 ? 16 * h : 0);
            global const MASK_TYPE *shown = mask + row * mask_row + place * mask_column;
            s = masked(s, mask_lanes(shown, mask_column, lanes));
#endif
            if (CAUSAL) s = (at + first <= row) ? s : (float16)(-INFINITY);
            s = (at < count) ? s : (float16)(-INFINITY);
            const float16 p = weight(s - from);
            const int to = 2 * (r + i) + h;
            vstore16(p, to, slope);
#if DROPOUT
            vstore16(p * vload16(to, chance), to, chance);
#else
            vstore16(p, to, chance);
#endif
          }
        }
#pragma unroll
        for (int i = 0; i < 8; i++) a[i] = g + min(start + r + i, L - 1) * g_row;
        clear8(tile);
        tile8(tile, a, 1, values, 32, V);
#pragma unroll
        for (int i = 0; i < 8; i++) {
          const float16 level = (float16)(mean[min(start + r + i, L - 1)]);
#pragma unroll
          for (int h = 0; h < 2; h++) {
            const int at = 2 * (r + i) + h;
            const float16 p = vload16(at, slope), used = vload16(at, chance);
            vstore16(scale * (used * tile[i][h] - p * level), at, slope);
          }
        }
      }
      gather(of_values, g + start * g_row, g_row, V, chance, rows, one, one);
      gather(of_keys, q + start * q_row, q_row, E, slope, rows, one, one);
      for (int r = 0; r < rows; r += 8)
        for (int e = 0; e < wide; e += 32) {
          global const float *a[8];
          global float *sum = total + (start + r) * total_row + e;
          const int many = min(8, rows - r), two = e + 16 < wide;
          float16 tile[8][2];
#pragma unroll
          for (int i = 0; i < 8; i++) {
            const int row = min(i, many - 1);
            a[i] = slope + (r + row) * 32;
            tile[i][0] = vload16(0, sum + row * total_row);
            tile[i][1] = two ? vload16(1, sum + row * total_row) : (float16)(0.0f);
          }
          // A last single vector comes with lanes of the next row, which are left alone.
          tile8(tile, a, 1, plain + e, wide, 32);
#pragma unroll
          for (int i = 0; i < 8; i++)
            if (i < many) {
              vstore16(tile[i][0], 0, sum + i * total_row);
              if (two) vstore16(tile[i][1], 1, sum + i * total_row);
            }
        }
    }
    turned_back(dk + first * dk_row, of_keys, count, dk_row, E, one, one);
    turned_back(dv + first * dv_row, of_values, count, dv_row, V, one, one);
  }
#if !DIRECT
  for (int r = 0; r < L; r++)
    for (int e = 0; e < E; e++) dq[r * dq_row + e] = total[r * total_row + e];
#endif
}
