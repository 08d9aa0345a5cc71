package wan4j.cuda.device;

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
/// kernels loaded so far.
public final class Device implements AutoCloseable {
  private final DeviceContext context;
  private final DeviceHeap heap;
  private final int multiprocessors;
  private final long stream;
  private final KernelCache cache;
  private final Map<KernelSource, KernelModule> modules = new HashMap<>();
  private final KernelArguments arguments = new KernelArguments();
  private Runnable loads = () -> {};

  /// Opens the GPU of this ordinal for the calling thread, which gives out at most `limit` bytes.
  public Device(int ordinal, KernelCache cache, long limit) {
    this.cache = cache;
    context = new DeviceContext(ordinal);
    heap = new DeviceHeap(context, limit);
    multiprocessors = CudaDriver.device(ordinal).multiprocessors();
    stream = CudaStreams.create();
  }

  /// Returns the context; what this class gives out adopts it for the calling thread.
  public DeviceContext context() {
    return context;
  }

  /// Returns how many blocks of a kernel that fills a multiprocessor run at once.
  public int multiprocessors() {
    return multiprocessors;
  }

  /// Returns the stream of all work, for work that begins when everything before it is done, loads
  /// under way included.
  public long stream() {
    context.adopt();
    loads.run();
    return stream;
  }

  /// Returns the stream without waiting for loads, which only read from it where they may begin and
  /// hand themselves over to it.
  public long streamOfLoads() {
    context.adopt();
    return stream;
  }

  /// Has every work from now on wait for loads: `handOver` does so, and costs nothing while there
  /// are none.
  public void awaitLoads(Runnable handOver) {
    loads = handOver;
  }

  /// Returns where device memory comes from.
  public DeviceHeap heap() {
    return heap;
  }

  /// Returns a kernel of `src/main/cuda`, compiled for these constants and loaded.
  public Kernel kernel(String file, String name, Map<String, Object> constants) {
    context.adopt();
    return modules.computeIfAbsent(KernelSource.of(file, constants), cache::module).kernel(name);
  }

  /// Begins to compile a kernel that will be wanted, beside whatever else runs.
  public void prepare(String file, Map<String, Object> constants) {
    cache.prepare(KernelSource.of(file, constants));
  }

  /// Returns the argument list, emptied, for the next launch.
  public KernelArguments arguments() {
    return arguments.clear();
  }

  /// Launches a kernel with what [#arguments] collected.
  public void launch(Kernel kernel, LaunchShape shape) {
    kernel.launch(shape, stream(), arguments);
  }

  /// Waits until all work that was asked for is done.
  public void synchronize() {
    CudaStreams.synchronize(stream());
  }

  @Override
  public void close() {
    synchronize();
    modules.values().forEach(KernelModule::close);
    CudaStreams.destroy(stream);
    // The primary context stays: the libraries keep code in it until the process ends.
  }
}
