// What:    the order that sorts rows of n elements, on a GPU: a work-group sorts a row in local
//          memory by a bitonic network (K. E. Batcher, 1968); places break ties, so it is stable.
// Layouts: x (rows, n); out (rows, n) int.
// Parameters: T; K, the unsigned integer of its size, and KEY as in sort_rows.cl; SIZE, the power
//          of two from n up; GROUP work-items. Used by: engine/routines/sort.py.

#ifndef GROUP
#define GROUP 256
#endif
#ifndef SIZE
#define SIZE 2048
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(
    global int *restrict out, global const T *restrict x, const int n, const int flip) {
  local K keys[SIZE];
  local int places[SIZE];
  const int me = get_local_id(0);
  const size_t base = (size_t)get_group_id(0) * n;
  for (int i = me; i < SIZE; i += GROUP) {
    keys[i] = i < n ? (K)KEY(x[base + i], flip) : (K)~(K)0;
    places[i] = i;
  }
  for (int run = 2; run <= SIZE; run *= 2) {
    for (int step = run / 2; step > 0; step /= 2) {
      barrier(CLK_LOCAL_MEM_FENCE);
      for (int pair = me; pair < SIZE / 2; pair += GROUP) {
        const int a = 2 * step * (pair / step) + pair % step, b = a + step;
        const K left = keys[a], right = keys[b];
        const int left_place = places[a], right_place = places[b];
        const int above = left > right || (left == right && left_place > right_place);
        if (above == ((a & run) == 0)) {
          keys[a] = right;
          keys[b] = left;
          places[a] = right_place;
          places[b] = left_place;
        }
      }
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = me; i < n; i += GROUP) out[base + i] = places[i];
}
