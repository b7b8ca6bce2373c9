// What:    out[b, l, :] = sum over s of softmax over s (scale * q[b, l, :] . k[b, s, :] + mask[b, l, s])
//          * v[b, s, :], and the logarithm of each row's sum, without a buffer of L x S: the softmax
//          is corrected as keys come in (M. Milakov and N. Gimelshein 2018; T. Dao et al. 2022).
// Layouts: q [batch][L][E], k [batch][S][E], v [batch][S][V], out [batch][L][V], each anywhere by
//          strides with elements of a row side by side; mask [batch][L][S] by strides; logsum
//          [batch][L]. A work-item has 32 queries, its lanes, and takes KEYS keys at a time.
// Parameters: CAUSAL 1 lets query l see keys up to l only; MASKED 1 for a mask of bytes that are 0
//          where a key is hidden, 2 for floats to add, MASK_TYPE their type; DROPOUT 1 to leave out
//          probabilities.
// Used by: the planner, for float32 attention on a CPU (jairika_nb/engine/ops/attention.py).

#ifndef KEYS
#define KEYS 64
#endif

kernel void KERNEL_NAME(
    FORWARD_OPERANDS, global float *restrict scratch, const int blocks, FORWARD_VIEWS) {
  const int item = get_global_id(0), batch = item / blocks, first = item % blocks * 32;
  const int rows = min(32, L - first);
  const int16 ramp = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) + first;
  FORWARD_BATCHES
  // Of the work-item's own: queries turned, the sum of values turned, weights of KEYS keys,
  // what the mask says of them, and what dropout multiplies them with.
  global float *panel = scratch + (size_t)item * 32 * (E + (1 + (MASKED > 0) + DROPOUT) * KEYS + V);
  global float *total = panel + E * 32, *weights = total + V * 32;
  turned(panel, q + first * q_row, rows, q_row, E, scale);
  for (int c = 0; c < 2 * V; c++) vstore16((float16)(0.0f), c, total);
  float16 top[2], sum[2];
  top[0] = top[1] = (float16)(-INFINITY);
  sum[0] = sum[1] = (float16)(0.0f);
  const int end = CAUSAL ? min(S, first + rows) : S;
  for (int start = 0; start < end; start += KEYS) {
    const int count = min(KEYS, end - start);
    float16 best[2], old[2];
    best[0] = top[0];
    best[1] = top[1];
#if MASKED
    global float *shade = weights + KEYS * 32;
    global const MASK_TYPE *shown = mask + first * mask_row + start * mask_column;
    mask_panel(shade, shown, rows, count, mask_row, mask_column);
#endif
    for (int j = 0; j < count; j += 8) {
      global const float *key[8];
      float16 score[8][2];
#pragma unroll
      for (int i = 0; i < 8; i++) key[i] = k + min(start + j + i, S - 1) * k_row;
      clear8(score);
      tile8(score, key, 1, panel, 32, E);
#pragma unroll
      for (int i = 0; i < 8; i++) {
        const int at = start + j + i;
#pragma unroll
        for (int h = 0; h < 2; h++) {
          float16 s = score[i][h];
#if MASKED
          s = masked(s, vload16(2 * min(j + i, count - 1) + h, shade));
#endif
          if (CAUSAL) s = (ramp + 16 * h >= at) ? s : (float16)(-INFINITY);
          s = at < end ? s : (float16)(-INFINITY);
          best[h] = s > best[h] ? s : best[h];
          vstore16(s, 2 * (j + i) + h, weights);
        }
      }
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      // A row that saw no key yet stays at zero.
      const float16 from = best[h] == -INFINITY ? (float16)(0.0f) : best[h];
      old[h] = weight(top[h] - from);
      top[h] = best[h];
      sum[h] *= old[h];
#if DROPOUT
      global float *factor = weights + (MASKED ? 2 : 1) * KEYS * 32;
      const uint number = ((uint)batch * L + first + 16 * h) * S + start;
      factors_along(factor + 16 * h, number, S, count, keep, k0, k1, call);
#endif
      for (int j = 0; j < count; j++) {
        float16 w = weight(vload16(2 * j + h, weights) - from);
        sum[h] += w;
#if DROPOUT
        w *= vload16(2 * j + h, factor);
#endif
        vstore16(w, 2 * j + h, weights);
      }
    }
    gather(total, v + start * v_row, v_row, V, weights, count, old[0], old[1]);
  }
  float16 share[2];
#pragma unroll
  for (int h = 0; h < 2; h++) {
    // A mask may show a query no key at all: its result is zero, and so are its derivatives.
    const int16 blind = MASKED ? sum[h] == 0.0f : (int16)(0);
    share[h] = blind ? (float16)(0.0f) : 1 / sum[h];
    vstore16(blind ? (float16)(INFINITY) : top[h] + log(sum[h]), h, weights);
  }
  for (int i = 0; i < rows; i++) logsum[(size_t)batch * L + first + i] = weights[i];
  turned_back(out + first * out_row, total, rows, out_row, V, share[0], share[1]);
}
