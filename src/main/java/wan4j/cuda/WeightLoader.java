package wan4j.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.function.LongConsumer;
import wan4j.cuda.bind.CloseStack;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.CudaStreams;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.cuda.kernel.ElementwiseKernels;
import wan4j.cuda.kernel.Tiling;
import wan4j.ops.Activation;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Brings tensors from files to the device: several threads read pieces into page-locked buffers,
/// each copies its piece in a stream of its own, and the device converts where the type changes.
/// Tensor after tensor is read without a pause until the device is asked for other work. One reader
/// gets 6 GB/s from the page cache and the link takes 55, hence the threads; a memory map would
/// fault inside the JVM when a file is shortened.
final class WeightLoader implements AutoCloseable {
  private static final long PIECE = 4L << 20; // bytes
  private static final int MOST_THREADS = 16;
  private static final int SLOTS_PER_THREAD = 2; // one is read into while the other is copied

  /// One piece under way: a page-locked buffer, a device buffer of the same size, a stream.
  private record Slot(
      MemorySegment pinned, long staging, long stream, long done, KernelArguments arguments) {}

  private record Piece(
      TensorSource source,
      long first,
      long count,
      long target,
      DType type,
      Kernel convert,
      int vector) {}

  private final Device device;
  private final ElementwiseKernels kernels;
  private final long started;
  private final CloseStack open = new CloseStack();
  private final List<Slot> slots = new ArrayList<>();
  private final BlockingQueue<Slot> free;
  private final ExecutorService threads;
  private final List<Future<?>> running = new ArrayList<>();

  WeightLoader(Device device, ElementwiseKernels kernels) {
    this.device = device;
    this.kernels = kernels;
    int count = threadCount();
    int buffers = count * SLOTS_PER_THREAD;
    free = new ArrayBlockingQueue<>(buffers);
    device.context().enter();
    try {
      started = opened(CudaStreams.createEvent(), CudaStreams::destroyEvent);
      MemorySegment pinned = CudaDriver.allocateHost(deviceBytes());
      onClose(() -> CudaDriver.freeHost(pinned));
      long staging = open.add(device.heap().take(deviceBytes()), device.heap()::give);
      for (int i = 0; i < buffers; i++) {
        long stream = opened(CudaStreams.create(), CudaStreams::destroy);
        long done = opened(CudaStreams.createEvent(), CudaStreams::destroyEvent);
        MemorySegment buffer = pinned.asSlice(i * PIECE, PIECE);
        slots.add(new Slot(buffer, staging + i * PIECE, stream, done, new KernelArguments()));
      }
      free.addAll(slots);
      onClose(this::finishCopies);
      threads =
          Executors.newFixedThreadPool(
              count, Thread.ofPlatform().name("weights-", 0).daemon().factory());
      open.add(threads::close); // waits for what is under way
      device.awaitLoads(this::handOver);
    } catch (RuntimeException | Error e) {
      open.closeAfter(e);
      throw e;
    }
  }

  private void onClose(Runnable giveBack) {
    open.add(() -> device.context().release(giveBack));
  }

  private long opened(long handle, LongConsumer close) {
    onClose(() -> close.accept(handle));
    return handle;
  }

  private static int threadCount() {
    return Math.clamp(Runtime.getRuntime().availableProcessors(), 2, MOST_THREADS);
  }

  /// Returns the device memory that a loader takes.
  static long deviceBytes() {
    return (long) threadCount() * SLOTS_PER_THREAD * PIECE;
  }

  /// Begins the load of a whole tensor into device memory, after the device's work so far; later
  /// work of the device sees it, and throws what has gone wrong with it.
  void load(TensorSource source, Tensor target) {
    List<Piece> pieces = pieces(source, target);
    device.context().enter();
    CudaStreams.record(started, device.stream());
    for (Piece piece : pieces) {
      FutureTask<Void> task = new FutureTask<>(() -> bring(piece), null);
      running.add(task);
      threads.execute(task);
    }
  }

  /// Waits until everything has been read, and has the device's stream wait for the copies.
  private void handOver() {
    if (running.isEmpty()) {
      return;
    }
    List<Future<?>> all = List.copyOf(running);
    running.clear();
    Futures.require(all, this::finishCopies);
    for (Slot slot : slots) {
      CudaStreams.waitFor(device.stream(), slot.done);
    }
  }

  /// Waits until no buffer is read and no target is written any more.
  private void finishCopies() {
    for (Slot slot : slots) {
      CudaStreams.synchronize(slot.stream);
    }
  }

  private List<Piece> pieces(TensorSource source, Tensor target) {
    DType from = source.dtype();
    DType to = target.dtype();
    long step = PIECE / from.bytes();
    List<Piece> pieces = new ArrayList<>();
    for (long first = 0; first < source.shape().count(); first += step) {
      long count = Math.min(step, source.shape().count() - first);
      long address = DeviceStorage.address(target) + first * to.bytes();
      int vector = vector(count, address, to);
      Kernel convert = from == to ? null : kernels.conversion(from, to, vector, Activation.NONE);
      pieces.add(new Piece(source, first, count, address, to, convert, vector));
    }
    return pieces;
  }

  private static int vector(long count, long address, DType type) {
    int vector = 8;
    while (vector > 1
        && (count % vector != 0 || address % Math.min(16, vector * type.bytes()) != 0)) {
      vector /= 2;
    }
    return vector;
  }

  private void bring(Piece piece) {
    device.context().enterBeside();
    Slot slot = take();
    try {
      CudaStreams.synchronizeEvent(slot.done); // the buffer's last piece has left it
      int bytes = piece.source.dtype().bytes();
      MemorySegment buffer = slot.pinned.asSlice(0, piece.count * bytes);
      piece.source.read(piece.first * bytes, buffer);
      CudaStreams.waitFor(slot.stream, started);
      if (piece.convert == null) {
        CudaDriver.copyToDevice(piece.target, buffer, slot.stream);
      } else {
        CudaDriver.copyToDevice(slot.staging, buffer, slot.stream);
        long vectors = piece.count / piece.vector;
        piece.convert.launch(
            LaunchShape.covering(vectors, Tiling.FLAT_THREADS),
            slot.stream,
            slot.arguments.clear().add(slot.staging).add(piece.target).add(vectors));
      }
      CudaStreams.record(slot.done, slot.stream);
    } finally {
      free.add(slot);
    }
  }

  private Slot take() {
    try {
      return free.take();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while weights were loading", e);
    }
  }

  @Override
  public void close() {
    device.awaitLoads(() -> {});
    open.close();
  }
}
