// What:    C[b, m, n] = sum over k of A[b, m, k] * B[b, k, n], the value given to an epilogue.
// Layouts: B is written, DEPTH x NR at a time, into a panel [DEPTH][NR] by a function made for it
//          (`fill`), padded with zeros; A is read where it lies, at any strides, or (COPY, its rows
//          side by side) copied first into panels [DEPTH][MR] 16 floats apart; SUMS steps of k at a
//          time are added up in registers and join `totals`, which for more than DEPTH steps are
//          those of a whole piece; C is written by the epilogue, which knows its layout.
// Parameters: MR x NR tile of accumulators in registers, NR a multiple of 16; INNER and ROW are the
//          strides of A along k and m; PARTS is MR where the epilogue reads tensors, else 1; a
//          piece of work is ROWS rows x COLUMNS columns; a worker has SPACE floats of scratch
//          memory.
// Used by: the planner's CPU schedule for float32 products (jairika_nb/engine/product.py), cut by
//          jairika_nb/engine/pieces.py.

#ifndef MR
#define MR 8
#endif
#ifndef NR
#define NR 32
#endif
#ifndef PARTS
#define PARTS 8
#endif

kernel void KERNEL_NAME(
    global const float *restrict left, global float *restrict scratch,
    volatile global int *counter, const int M, const int N, const int K, const int DEPTH,
    const int SUMS, const int ROWS, const int COLUMNS, const int row_blocks,
    const int column_blocks, const int pieces, const int workers, const int SPACE,
    const int COPY PARAMETERS) {
  // The first `workers` work-items that start do all the pieces, the others nothing: memory is
  // needed for so many only, and whoever is quicker does more. What a piece gives does not depend
  // on who does it.
  const int worker = atomic_inc(counter + 1);
  global float *restrict panel = scratch + (size_t)worker * SPACE;
  global float *restrict copy = panel + DEPTH * NR;
  global float *restrict totals = copy + (COPY ? ROWS / MR * (MR * DEPTH + 16) : 0);
  int copied = -1;
  while (worker < workers) {
    const int piece = atomic_inc(counter + 2);
    if (piece >= pieces) break;
    const int block = piece / column_blocks % row_blocks;
    const int batch = piece / column_blocks / row_blocks;
    const int begin_m = block * ROWS, end_m = min(begin_m + ROWS, M);
    const int begin_n = piece % column_blocks * COLUMNS;
    const int end_n = min(begin_n + COLUMNS, N);
    INDEX start = 0;
    left_start(batch, &start PASSED);
    for (int first_k = 0; first_k < K; first_k += DEPTH) {
      const int depth = min(DEPTH, K - first_k);
      global const float *from = left + start + (INDEX)begin_m * ROW + (INDEX)first_k * INNER;
      INDEX row = ROW, inner = INNER, step = (INDEX)MR * ROW;
      if (COPY) {
        row = 1, inner = MR, step = MR * DEPTH + 16;
        if (depth < K || copied != piece / column_blocks)
          for (int k = 0; k < depth; k++) {
            global const float *source = from + (INDEX)k * INNER;
            global float *target = copy + k * MR;
            // Each line of A is in a page of its own: it is asked for some lines before.
            global const float *later = from + (INDEX)min(k + 8, depth - 1) * INNER;
            for (int m = 0; m < end_m - begin_m; m += 16) __builtin_prefetch(later + m);
            int m = begin_m;
            for (; m + MR <= end_m; m += MR, source += MR, target += step)
#pragma unroll
              for (int i = 0; i < MR; i += 4) vstore4(vload4(0, source + i), 0, target + i);
            for (int i = 0; m + i < end_m; i++) target[i] = source[i];
          }
        from = copy;
      }
      copied = piece / column_blocks;
      for (int first_n = begin_n; first_n < end_n; first_n += NR) {
        fill(panel, batch, first_n, first_k, depth, N PASSED);
        for (int first_m = begin_m; first_m < end_m; first_m += MR) {
          // Rows past the end read the last row again; they are not stored.
          global const float *a[MR];
#pragma unroll
          for (int i = 0; i < MR; i++)
            a[i] = from + (first_m - begin_m) / MR * step + min(i, end_m - 1 - first_m) * row;
          // Stores to lines that no cache holds would wait for them, which short sums do not hide.
          if (first_k + DEPTH >= K)
            for (int m = first_m; m < min(first_m + MR, end_m); m++)
              for (int n = first_n; n < min(first_n + NR, N); n += 16) room(batch, m, n PASSED);
          // Through memory, so that the epilogue is compiled once and not for each vector.
          global float *total = totals;
          if (DEPTH < K) total += (size_t)(first_m - begin_m) * COLUMNS + (first_n - begin_n) * MR;
          for (int begin = 0; begin < depth; begin += SUMS) {
            const int end = min(begin + SUMS, depth);
            float16 sum[MR][NR / 16];
#pragma unroll
            for (int i = 0; i < MR; i++)
#pragma unroll
              for (int v = 0; v < NR / 16; v++) sum[i][v] = (float16)(0.0f);
            // Rows of what the epilogue reads lie far apart: each read would wait for memory.
            // Those of the next tile are asked for one at a time: the sums' own shall not wait.
            const int steps = (end - begin + PARTS - 1) / PARTS;
            for (int part = 0; part < PARTS; part++) {
              int m = PARTS == 1 || first_k + end < K ? end_m : first_m + part;
              if (first_m > begin_m) m += MR;
              for (; m < min(first_m + 2 * MR, end_m); m += MR)
                for (int n = first_n; n < min(first_n + NR, N); n += 16) ahead(batch, m, n PASSED);
              for (int k = begin + part * steps; k < min(begin + (part + 1) * steps, end); k++) {
                float16 line[NR / 16];
#pragma unroll
                for (int v = 0; v < NR / 16; v++)
                  line[v] = vload16((size_t)k * (NR / 16) + v, panel);
#pragma unroll
                for (int i = 0; i < MR; i++) {
                  const float16 one = (float16)(a[i][(INDEX)k * inner]);
#pragma unroll
                  for (int v = 0; v < NR / 16; v++) sum[i][v] = fma(one, line[v], sum[i][v]);
                }
              }
            }
            if (first_k + begin > 0)
#pragma unroll
              for (int i = 0; i < MR; i++)
#pragma unroll
                for (int v = 0; v < NR / 16; v++) sum[i][v] += vload16(i * (NR / 16) + v, total);
#pragma unroll
            for (int i = 0; i < MR; i++)
#pragma unroll
              for (int v = 0; v < NR / 16; v++) vstore16(sum[i][v], i * (NR / 16) + v, total);
          }
          if (first_k + DEPTH < K) continue;
          for (int m = first_m; m < min(first_m + MR, end_m); m++, total += NR) {
            int n = first_n;
            for (; n + 16 <= min(first_n + NR, N); n += 16)
              epilogue16(batch, m, n, vload16(0, total + n - first_n) PASSED);
            for (; n < min(first_n + NR, N); n++)
              epilogue1(batch, m, n, total[n - first_n] PASSED);
          }
        }
      }
    }
  }
  if (atomic_inc(counter + 3) == (int)get_global_size(0) - 1)
    counter[1] = counter[2] = counter[3] = 0;
}
