package wan4j.cuda.device;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.CudaStreams;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.jit.Kernel;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelModule;
import wan4j.cuda.jit.KernelSource;

/// One GPU as one thread uses it: its context, the stream in which all work is ordered, and the
/// kernels loaded so far. Work that is queued here begins when everything before it is done, loads
/// under way included.
public final class Device implements AutoCloseable {
  private final DeviceContext context;
  private final DeviceHeap heap;
  private final int multiprocessors;
  private final long stream;
  private final KernelCache cache;
  private final Map<KernelSource, KernelModule> modules = new HashMap<>();
  private final KernelArguments arguments = new KernelArguments();
  private Runnable loads = () -> {};
  private long generation;
  private boolean isRecording;

  /// Opens the GPU of this ordinal for the calling thread, which gives out at most `limit` bytes.
  public Device(int ordinal, KernelCache cache, long limit) {
    this.cache = cache;
    context = new DeviceContext(ordinal);
    heap = new DeviceHeap(context, limit);
    multiprocessors = CudaDriver.device(ordinal).multiprocessors();
    stream = CudaStreams.create();
  }

  /// Returns the context, which everything that gives out or queues something enters.
  public DeviceContext context() {
    return context;
  }

  /// Returns how many blocks of a kernel that fills a multiprocessor run at once.
  public int multiprocessors() {
    return multiprocessors;
  }

  /// Returns the stream in which all work is ordered.
  public long stream() {
    return stream;
  }

  /// Must be called before work is queued in the stream by others than this class: enters the
  /// context and has the work wait for loads under way.
  public void begin() {
    context.enter();
    loads.run();
  }

  /// Has all work from now on wait for loads: `handOver` does so, and costs nothing while there are
  /// none.
  public void awaitLoads(Runnable handOver) {
    loads = handOver;
  }

  /// Returns a number that changes when memory which work may have used moves or goes, or when the
  /// same operations begin to be done by other work; while it stays, so do both.
  public long generation() {
    return generation;
  }

  /// Notes such a change.
  public void renew() {
    generation++;
  }

  /// Notes whether work that is queued from now on is only recorded, to be done later.
  public void recording(boolean isRecorded) {
    isRecording = isRecorded;
  }

  /// Says whether work that is queued now is only recorded.
  public boolean isRecording() {
    return isRecording;
  }

  /// Returns where device memory comes from.
  public DeviceHeap heap() {
    return heap;
  }

  /// Returns a kernel of `src/main/cuda`, compiled for these constants and loaded.
  public Kernel kernel(String file, String name, Map<String, Object> constants) {
    context.enter();
    return modules.computeIfAbsent(KernelSource.of(file, constants), cache::module).kernel(name);
  }

  /// Begins to compile a kernel that will be wanted, beside whatever else runs.
  public void prepare(String file, Map<String, Object> constants) {
    cache.prepare(KernelSource.of(file, constants));
  }

  /// Begins to compile what the networks of a request ask for whose transformer has this width.
  public void prepareFor(int width) {
    cache.prepareFor(width);
  }

  /// Returns the argument list, emptied, for the next launch.
  public KernelArguments arguments() {
    return arguments.clear();
  }

  /// Launches a kernel with what [#arguments] collected.
  public void launch(Kernel kernel, LaunchShape shape) {
    begin();
    kernel.launch(shape, stream, arguments);
  }

  /// Copies all of a native segment to the device; it must stay as it is until the copy is done.
  public void copyIn(long to, MemorySegment from) {
    begin();
    CudaDriver.copyToDevice(to, from, stream);
  }

  /// Fills all of a native segment from the device.
  public void copyOut(MemorySegment to, long from) {
    begin();
    CudaDriver.copyToHost(to, from, stream);
  }

  /// Copies bytes on the device.
  public void copy(long to, long from, long bytes) {
    begin();
    CudaDriver.copyOnDevice(to, from, bytes, stream);
  }

  /// Sets bytes on the device to a value.
  public void fill(long address, int value, long bytes) {
    begin();
    CudaDriver.fillBytes(address, value, bytes, stream);
  }

  /// Waits until all work that was asked for is done.
  public void synchronize() {
    begin();
    CudaStreams.synchronize(stream);
  }

  @Override
  public void close() {
    context.release(() -> {
      synchronize();
      modules.values().forEach(KernelModule::close);
      CudaStreams.destroy(stream);
    });
    // The primary context stays: the libraries keep code in it until the process ends.
  }
}
