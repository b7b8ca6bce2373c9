// What:    attention.cl for a GPU: the mean of values and the logarithm of each row's sum, without a
//          buffer of L x S (T. Dao, "FlashAttention-2", 2023).
// Layouts: as in attention.cl. A work-group has ROWS queries of a batch and WIDTH columns of values,
//          of which there are `panels`: rows longer than that compute their scores for each.
// Parameters: as in attention_blocks.cl.
// Used by: the planner, for float32 attention on a GPU (jairika_nb/engine/ops/attention.py).

#ifndef CAUSAL
#define CAUSAL 0
#endif

// The sum, or the largest, of what the 16 work-items of each row have.
INLINED void joined(float part[HIGH], local float4 *space, const int add) {
  barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
  for (int i = 0; i < HIGH; i++) ((local float *)space)[(Y + i) * 20 + X] = part[i];
  barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
  for (int i = 0; i < HIGH; i++) {
    local const float4 *row = space + (Y + i) * 5;
    const float4 a = add ? row[0] + row[1] : fmax(row[0], row[1]);
    const float4 b = add ? row[2] + row[3] : fmax(row[2], row[3]);
    const float4 c = add ? a + b : fmax(a, b);
    part[i] = add ? (c.x + c.z) + (c.y + c.w) : fmax(fmax(c.x, c.z), fmax(c.y, c.w));
  }
}

kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void KERNEL_NAME(
    FORWARD_OPERANDS, const int blocks, const int panels, FORWARD_VIEWS) {
  local float4 weights[ROWS * LINE], space[SPACE];
  const int group = get_group_id(0), panel = group % panels * WIDTH;
  const int block = group / panels % blocks, batch = group / panels / blocks;
  // Blocks that see most keys begin first.
  const int first = (CAUSAL ? blocks - 1 - block : block) * ROWS, rows = min(ROWS, L - first);
  FORWARD_BATCHES
  float4 score[HIGH];
  VECTOR total[HIGH][PARTS];
  float top[HIGH], sum[HIGH];
  clear(total);
#pragma unroll
  for (int i = 0; i < HIGH; i++) {
    top[i] = -INFINITY;
    sum[i] = 0.0f;
  }
  const int end = CAUSAL ? min(S, first + rows) : S;
  for (int start = 0; start < end; start += COLUMNS) {
    const int count = min(COLUMNS, S - start), other = start + 4 * X;
    float best[HIGH];
    products(score, space, q + first * q_row, q_row, rows, k + start * k_row, k_row, count, E);
#pragma unroll
    for (int i = 0; i < HIGH; i++) {
      const float4 s = shown(score[i] * scale, first + Y + i, L, other, S,
                             0 SHADED(mask_row, mask_column));
      score[i] = s;
      best[i] = fmax(fmax(s.x, s.z), fmax(s.y, s.w));
    }
    joined(best, space, 0);
#pragma unroll
    for (int i = 0; i < HIGH; i += 4) {
      float4 factor[4];
      factors(factor, (uint)batch * L, first + Y + i, other, S, 0 DRAWN);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        // A row that saw no key yet stays at zero.
        const float now = fmax(top[i + j], best[i + j]), from = now == -INFINITY ? 0.0f : now;
        const float old = exp(top[i + j] - from);
        const float4 weight = exp(score[i + j] - from);
        top[i + j] = now;
        sum[i + j] = sum[i + j] * old + ((weight.x + weight.z) + (weight.y + weight.w));
        weights[(Y + i + j) * LINE + X] = weight * factor[j];
#pragma unroll
        for (int p = 0; p < PARTS; p++) total[i + j][p] *= old;
      }
    }
    gather(total, weights, space, v + start * v_row + panel, v_row, count, V - panel);
  }
  joined(sum, space, 1);
#pragma unroll
  for (int i = 0; i < HIGH; i++) {
    // A mask may show a query no key at all: its result is zero, and so are its derivatives.
    const int blind = MASKED && sum[i] == 0.0f, row = first + Y + i;
#pragma unroll
    for (int p = 0; p < PARTS; p++) total[i][p] *= blind ? 0.0f : 1 / sum[i];
    if (X == 0 && panel == 0 && row < L)
      logsum[(size_t)batch * L + row] = blind ? INFINITY : top[i] + log(sum[i]);
  }
  store(out + first * out_row + panel, out_row, total, rows, V - panel);
}
