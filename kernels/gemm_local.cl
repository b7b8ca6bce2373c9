// What:    C[b, m, n] = sum over k of A[b, m, k] * B[b, k, n], the value given to an epilogue.
// Layouts: A row-major [batch][M][K], B row-major [batch][K][N]; C is written by the epilogue.
// Parameters: TILE x TILE work-items share TILE-wide tiles of A and B in local memory; each
//          computes PER x PER values, TILE apart. epilogue1 stores one value.
// Used by: the planner's GPU schedule for float32 products (jairika_nb/engine/product.py).

#ifndef TILE
#define TILE 16
#endif
#ifndef PER
#define PER 4
#endif

kernel __attribute__((reqd_work_group_size(TILE, TILE, 1))) void KERNEL_NAME(
    global const float *restrict a, global const float *restrict b,
    const int M, const int N, const int K PARAMETERS) {
  local float tile_a[TILE][(TILE * PER) + 1], tile_b[TILE][(TILE * PER)];
  const int x = get_local_id(0), y = get_local_id(1), batch = get_global_id(2);
  const int first_m = get_group_id(1) * (TILE * PER), first_n = get_group_id(0) * (TILE * PER);
  a += (size_t)batch * M * K;
  b += (size_t)batch * K * N;
  float sum[PER][PER];
  for (int i = 0; i < PER; i++)
    for (int j = 0; j < PER; j++) sum[i][j] = 0.0f;
  for (int first_k = 0; first_k < K; first_k += TILE) {
    for (int i = 0; i < PER; i++) {
      const int m = first_m + y + i * TILE, n = first_n + x + i * TILE;
      tile_a[x][y + i * TILE] = m < M && first_k + x < K ? a[(size_t)m * K + first_k + x] : 0.0f;
      tile_b[y][x + i * TILE] = n < N && first_k + y < K ? b[(size_t)(first_k + y) * N + n] : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < TILE; k++)
      for (int i = 0; i < PER; i++)
        for (int j = 0; j < PER; j++)
          sum[i][j] = fma(tile_a[k][y + i * TILE], tile_b[k][x + j * TILE], sum[i][j]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < PER; i++)
    for (int j = 0; j < PER; j++) {
      const int m = first_m + y + i * TILE, n = first_n + x + j * TILE;
      if (m < M && n < N) epilogue1(batch, m, n, sum[i][j] PASSED);
    }
}
