package wan4j.cuda.device;

import wan4j.ops.Scope;
import wan4j.ops.backend.Placement;
import wan4j.ops.backend.StorageStack;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Storage;
import wan4j.tensor.Tensor;

/// A stack of tensors in device memory, so that nothing is allocated after the first step. Work is
/// in stream order, so what a scope frees may be given out again at once.
public final class DeviceMemory implements AutoCloseable {
  /// Alignment of every tensor: what the driver gives, and more than any access needs.
  public static final long ALIGNMENT = Placement.DEVICE.alignment();

  /// Rows that a matrix may be read beyond its last, so that matrix units see a multiple of this.
  public static final long ROWS = Placement.DEVICE.rows();

  private static final long SMALLEST_CHUNK = 16L << 20;
  private static final long LARGEST_CHUNK = 1L << 30;

  private final Device device;
  private final StorageStack stack;

  public DeviceMemory(Device device) {
    this.device = device;
    stack = new StorageStack(SMALLEST_CHUNK, LARGEST_CHUNK, this::allocate, this::poison);
  }

  private Storage allocate(long bytes) {
    device.renew();
    return new DeviceStorage(device.heap().take(bytes), bytes);
  }

  private void give(Storage chunk) {
    device.renew();
    device.heap().give(((DeviceStorage) chunk).address());
  }

  /// Fills freed tensors with NaN, so that a test notices one that is used after its scope.
  private void poison(Storage dying) {
    device.fill(((DeviceStorage) dying).address(), 0xFF, dying.bytes());
  }

  /// Makes one chunk the whole of this memory, unless a tensor lives in it, so that a request whose
  /// need is known leaves no gaps between chunks, and none of an earlier one's: one of `bytes`, or
  /// that of an earlier request where it has no fewer and at most `most`.
  public void reserve(long bytes, long most) {
    stack.reserve(bytes, most, this::give);
  }

  /// Returns where the next tensor would lie: the same place while [Device#generation] stays.
  public Object position() {
    return stack.position();
  }

  /// Returns the bytes of all tensors.
  public long bytes() {
    return stack.height();
  }

  /// Returns the most that they were since this was asked last.
  public long mostBytes() {
    return stack.most();
  }

  /// Opens a scope; throws `IllegalStateException` on close when an inner one is still open.
  public Scope scope() {
    device.context().requireUser();
    return stack.scope();
  }

  /// Creates a tensor with undefined elements, with room behind the last row of a matrix so that
  /// the rows may count as a multiple of 16.
  public Tensor empty(DType dtype, Shape shape) {
    return new Tensor(shape, dtype, take(Placement.DEVICE.bytes(dtype, shape)));
  }

  /// Takes a range of bytes in the innermost scope.
  public DeviceStorage take(long bytes) {
    device.context().requireUser();
    return ((DeviceStorage) stack.take(Placement.DEVICE.aligned(bytes))).slice(0, bytes);
  }

  @Override
  public void close() {
    stack.clear(this::give);
  }
}
