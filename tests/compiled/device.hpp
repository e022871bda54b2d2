// What CuPy's carray.cuh offers to a kernel's body, for the host and with every access checked: arrays that are read at
// a position, and the position of the element that a thread computes. A position outside an array is counted; unless
// UNCHECKED is defined, which leaves finding it to the address sanitizer.
#include <type_traits>

#define CUPY_FOR(i, n) \
  for (ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += (ptrdiff_t)blockDim.x * gridDim.x)

static long outside = 0;

template <typename T, int ndim, bool contiguous, bool bits32>
class CArray {
  typedef typename std::conditional<bits32, int, ptrdiff_t>::type index_t;  // offsets, as on the device
  T* data_;
  ptrdiff_t shape_[ndim], strides_[ndim];

 public:
  CArray(T* data, const ptrdiff_t* shape, const ptrdiff_t* strides) : data_(data) {
    for (int d = 0; d < ndim; ++d) shape_[d] = shape[d], strides_[d] = strides[d];
  }

  const ptrdiff_t* shape() const { return shape_; }

  T& operator[](const ptrdiff_t (&at)[ndim]) { return const_cast<T&>(const_cast<const CArray&>(*this)[at]); }

  const T& operator[](const ptrdiff_t (&at)[ndim]) const {
    index_t offset = 0;
    for (int d = 0; d < ndim; ++d) {
#ifndef UNCHECKED
      if (at[d] < 0 || at[d] >= shape_[d]) {
        static T nowhere;
        ++outside;
        return nowhere;
      }
#endif
      offset += (index_t)strides_[d] * (index_t)at[d];
    }
    return *(const T*)((const char*)data_ + offset);
  }
};

template <int ndim, bool bits32>
class CIndexer {
  ptrdiff_t size_ = 1, shape_[ndim], position_[ndim];

 public:
  explicit CIndexer(const ptrdiff_t* shape) {
    for (int d = 0; d < ndim; ++d) shape_[d] = shape[d], size_ *= shape[d];
  }

  ptrdiff_t size() const { return size_; }

  void set(ptrdiff_t i) {
    for (int d = ndim; d-- > 0; i /= shape_[d]) position_[d] = i % shape_[d];
  }

  typedef ptrdiff_t position[ndim];
  const position& get() const { return position_; }
};
