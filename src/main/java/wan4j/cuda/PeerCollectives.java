package wan4j.cuda;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import wan4j.cuda.bind.CudaStreams;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.ops.Collectives;
import wan4j.ops.HostExchange;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.Tensor;

/// Exchange between the GPUs of one process, of which what is begun and awaited is copied by the
/// GPUs' copy engines in a second stream: each rank reads what it is to have in the memory of the
/// others. NCCL's kernels would hold multiprocessors, for which blocks of attention that stay on
/// theirs would wait. The ranks' hosts tell each other addresses and events; the devices wait for
/// each other alone. All else is done as before.
public final class PeerCollectives implements Collectives {
  private final Device device;
  private final Collectives others;
  private final HostExchange host;
  private final long stream;
  private final List<Marks> all = new ArrayList<>();
  private final Deque<Marks> free = new ArrayDeque<>();
  private ExchangeWatch watch; // null until it is asked for

  /// Events of an exchange: what this rank gives is there; what it gets is there.
  private record Marks(long ready, long done) {}

  /// Joins ranks whose other exchanges are those of `others`, which closes with this.
  PeerCollectives(Device device, Collectives others, HostExchange host) {
    this.device = device;
    this.others = others;
    this.host = host;
    device.context().enter();
    stream = CudaStreams.create();
  }

  /// Watches from now on that each exchange beside other work ends within a time.
  public void watch(Duration limit) {
    watch = new ExchangeWatch(device, limit, () -> null, others::fail);
  }

  @Override
  public int rank() {
    return others.rank();
  }

  @Override
  public int ranks() {
    return others.ranks();
  }

  @Override
  public boolean runsBeside() {
    return true;
  }

  @Override
  public Begun beginAllToAll(List<Tensor> sources, List<Tensor> targets) {
    device.begin();
    Marks marks = free.isEmpty() ? created() : free.pop();
    CudaStreams.record(marks.ready, device.stream());
    List<long[]> given = host.all(given(marks, sources));
    CudaStreams.waitFor(stream, marks.ready); // the targets may be read by what came before
    watched(() -> copyAll(given, targets));
    CudaStreams.record(marks.done, stream);
    return () -> await(marks);
  }

  private Marks created() {
    Marks marks = new Marks(CudaStreams.createEvent(), CudaStreams.createEvent());
    all.add(marks);
    return marks;
  }

  /// Returns what the others are told: an event and addresses.
  private static long[] given(Marks marks, List<Tensor> sources) {
    long[] own = new long[1 + sources.size()];
    own[0] = marks.ready;
    for (int i = 0; i < sources.size(); i++) {
      Tensor source = sources.get(i);
      own[1 + i] = source.bytes() == 0 ? 0 : DeviceStorage.address(source);
    }
    return own;
  }

  private void watched(Runnable copies) {
    if (watch == null) {
      copies.run();
    } else {
      watch.around(stream, copies);
    }
  }

  /// Copies from the next rank first, so that not all read the same one's memory at once.
  private void copyAll(List<long[]> given, List<Tensor> targets) {
    for (int step = 1; step <= ranks(); step++) {
      int from = (rank() + step) % ranks();
      CudaStreams.waitFor(stream, given.get(from)[0]);
      for (int i = from; i < targets.size(); i += ranks()) {
        Tensor target = targets.get(i);
        if (target.bytes() > 0) {
          long source = given.get(from)[1 + i - from + rank()];
          device.context().copy(DeviceStorage.address(target), source, target.bytes(), stream);
        }
      }
    }
  }

  /// Lets later work wait for this rank's copies, and for those of the others, which read what it
  /// gave. An event is used again in a later exchange, which no rank joins before it has queued all
  /// waits for this one.
  private void await(Marks marks) {
    device.begin();
    for (long[] done : host.all(marks.done)) {
      CudaStreams.waitFor(device.stream(), done[0]);
    }
    free.add(marks);
  }

  @Override
  public void allToAll(List<Tensor> sources, List<Tensor> targets) {
    others.allToAll(sources, targets);
  }

  @Override
  public void allGather(Tensor source, List<Tensor> targets) {
    others.allGather(source, targets);
  }

  @Override
  public void reduce(SequenceGroup.Reduction reduction, Tensor values) {
    others.reduce(reduction, values);
  }

  @Override
  public void broadcast(int from, Tensor values) {
    others.broadcast(from, values);
  }

  @Override
  public void shift(Tensor toNext, Tensor fromPrevious) {
    others.shift(toNext, fromPrevious);
  }

  @Override
  public void fail(Throwable cause) {
    others.fail(cause);
  }

  @Override
  public void close() {
    if (watch != null) {
      watch.close();
    }
    device
        .context()
        .release(() -> {
          device.context().enter();
          CudaStreams.synchronize(stream);
          CudaStreams.destroy(stream);
          for (Marks marks : all) {
            CudaStreams.destroyEvent(marks.ready);
            CudaStreams.destroyEvent(marks.done);
          }
        });
    others.close();
  }
}
