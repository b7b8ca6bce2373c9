// What:    attention_back.cl for a GPU: dv = P' g, dk = dS' q, dq = dS k, where P = exp(scores -
//          logsum) is computed again, dS = scale * P * (g v' - mean), and mean = g . y of each query
//          (T. Dao, "FlashAttention-2", 2023).
// Layouts: as in attention_back.cl, and mean [batch][L][1] by strides. A work-group has ROWS queries
//          and makes their dq, or has ROWS keys and makes their dk and dv, WIDTH columns of each: the
//          same work, own rows against the other side's, with queries and keys exchanged. So each
//          sum has one owner, and one order.
// Parameters: as in attention_blocks.cl.
// Used by: the planner, for float32 attention on a GPU (jairika_nb/engine/ops/attention.py).

#ifndef CAUSAL
#define CAUSAL 0
#endif

// An element of a column, zero beyond its size.
inline float within(global const float *x, const long step, const int at, const int size) {
  return at < size ? x[at * step] : 0.0f;
}
inline float4 within4(global const float *x, const long step, const int at, const int size) {
  return (float4)(within(x, step, at, size), within(x, step, at + 1, size),
                  within(x, step, at + 2, size), within(x, step, at + 3, size));
}

kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void KERNEL_NAME(
    BACKWARD_OPERANDS(mean), const int query_blocks, const int key_blocks, const int panels,
    BACKWARD_VIEWS(mean)) {
  local float4 weights[ROWS * LINE], space[SPACE];
  const int blocks = query_blocks + key_blocks, group = get_group_id(0);
  const int panel = group % panels * WIDTH;
  const int block = group / panels % blocks, batch = group / panels / blocks;
  BACKWARD_BATCHES(mean)
  const int for_keys = block < key_blocks, own_size = for_keys ? S : L, size = for_keys ? L : S;
  const int first = (for_keys ? block : blocks - 1 - block) * ROWS;
  const int rows = min(ROWS, own_size - first);
  const long own_row = for_keys ? k_row : q_row, own_value_row = for_keys ? v_row : g_row;
  const long other_row = for_keys ? q_row : k_row, other_value_row = for_keys ? g_row : v_row;
  global const float *own = (for_keys ? k : q) + first * own_row;
  global const float *own_value = (for_keys ? v : g) + first * own_value_row;
#if MASKED
  const long own_step = for_keys ? mask_column : mask_row;
  const long other_step = for_keys ? mask_row : mask_column;
#endif
  VECTOR of_own[HIGH][PARTS], of_values[HIGH][PARTS];
  float own_from[HIGH], own_level[HIGH];
  clear(of_own);
  clear(of_values);
  // What belongs to a query is added along its rows, or along its columns.
#pragma unroll
  for (int i = 0; i < HIGH; i++) {
    own_from[i] = for_keys ? 0.0f : within(logsum, 1, first + Y + i, L);
    own_level[i] = for_keys ? 0.0f : within(mean, mean_row, first + Y + i, L);
  }
  const int begin = CAUSAL && for_keys ? first / COLUMNS * COLUMNS : 0;
  const int end = CAUSAL && !for_keys ? min(S, first + rows) : size;
  for (int start = begin; start < end; start += COLUMNS) {
    const int count = min(COLUMNS, size - start), at = start + 4 * X;
    global const float *other = (for_keys ? q : k) + start * other_row;
    global const float *other_value = (for_keys ? g : v) + start * other_value_row;
    const float4 from = for_keys ? within4(logsum, 1, at, L) : (float4)(0.0f);
    const float4 level = for_keys ? within4(mean, mean_row, at, L) : (float4)(0.0f);
    float4 score[HIGH], slope[HIGH];
    products(score, space, own, own_row, rows, other, other_row, count, E);
    products(slope, space, own_value, own_value_row, rows, other_value, other_value_row, count, V);
#pragma unroll
    for (int i = 0; i < HIGH; i += 4) {
      float4 factor[4];
      factors(factor, (uint)batch * L, first + Y + i, at, S, for_keys DRAWN);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const int n = i + j, row = first + Y + n;
        const float4 s = shown(score[n] * scale, row, own_size, at, size,
                               for_keys SHADED(own_step, other_step));
        const float4 chance = exp(s - (own_from[n] + from));
        weights[(Y + n) * LINE + X] = chance * factor[j];
        slope[n] = scale * chance * (slope[n] * factor[j] - (own_level[n] + level));
      }
    }
    const int valued = for_keys ? count : 0;
    gather(of_values, weights, space, other_value + panel, other_value_row, valued, V - panel);
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (int i = 0; i < HIGH; i++) weights[(Y + i) * LINE + X] = slope[i];
    gather(of_own, weights, space, other + panel, other_row, count, E - panel);
  }
  const long out_row = for_keys ? dk_row : dq_row;
  global float *out = (for_keys ? dk : dq) + first * out_row;
  store(out + panel, out_row, of_own, rows, E - panel);
  store(dv + first * dv_row + panel, dv_row, of_values, for_keys ? rows : 0, V - panel);
}
