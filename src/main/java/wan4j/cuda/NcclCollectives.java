package wan4j.cuda;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import wan4j.cuda.bind.Nccl;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.ops.Collectives;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.Tensor;

/// Exchange between GPUs through NCCL, in the order of the backend's other work: nothing waits on
/// the host. An exchange that began and makes no progress, and one of a rank that has failed, is
/// ended for all.
public final class NcclCollectives implements Collectives {
  private static final long PATIENCE = 200_000_000; // nanoseconds

  private final Device device;
  private final long communicator;
  private final int rank;
  private final int ranks;
  private final Consumer<Throwable> failed;
  private final AtomicBoolean isLeft = new AtomicBoolean();
  private volatile boolean isCalling; // the rank's thread is within the library
  private ExchangeWatch watch; // null until it is asked for

  /// Joins the communicator of a name as one of its ranks, and waits for the others; `failed` is
  /// told a failure of this rank, and ends the others.
  NcclCollectives(Device device, byte[] name, int ranks, int rank, Consumer<Throwable> failed) {
    this.device = device;
    this.rank = rank;
    this.ranks = ranks;
    this.failed = failed;
    device.context().enter();
    communicator = Nccl.join(name, ranks, rank);
  }

  /// Watches from now on that each exchange ends within a time after the ranks' work before it is
  /// done; where one does not, `failed` is told, and the exchange is to be aborted.
  public void watch(Duration limit) {
    watch = new ExchangeWatch(device, limit, this::libraryFailure, failed);
  }

  private String libraryFailure() {
    synchronized (isLeft) { // the communicator is there as long as it has not been left
      return isLeft.get() ? null : Nccl.failure(communicator);
    }
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int ranks() {
    return ranks;
  }

  @Override
  public void allToAll(List<Tensor> sources, List<Tensor> targets) {
    exchange(() -> {
      for (int i = 0; i < sources.size(); i++) {
        send(sources.get(i), i % ranks);
        receive(targets.get(i), i % ranks);
      }
    });
  }

  @Override
  public void allGather(Tensor source, List<Tensor> targets) {
    exchange(() -> {
      for (int other = 0; other < ranks; other++) {
        if (other != rank) {
          send(source, other);
          receive(targets.get(other), other);
        }
      }
    });
    Tensor own = targets.get(rank);
    if (!own.equals(source) && own.bytes() > 0) {
      device.copy(DeviceStorage.address(own), DeviceStorage.address(source), source.bytes());
    }
  }

  @Override
  public void reduce(SequenceGroup.Reduction reduction, Tensor values) {
    Nccl.Element type =
        switch (values.dtype()) {
          case F32 -> Nccl.Element.FLOAT32;
          case F64 -> Nccl.Element.FLOAT64;
          default ->
              throw new IllegalArgumentException(
                  "reduce: got " + values + ", expected float32 or float64");
        };
    Nccl.Reduction how =
        switch (reduction) {
          case SUM -> Nccl.Reduction.SUM;
          case MAXIMUM -> Nccl.Reduction.MAXIMUM;
        };
    long address = DeviceStorage.address(values);
    watched(() ->
        Nccl.allReduce(address, address, values.count(), type, how, communicator, device.stream()));
  }

  @Override
  public void broadcast(int from, Tensor values) {
    long address = DeviceStorage.address(values);
    long bytes = values.bytes();
    watched(() ->
        Nccl.broadcast(
            address, address, bytes, Nccl.Element.BYTE, from, communicator, device.stream()));
  }

  @Override
  public void shift(Tensor toNext, Tensor fromPrevious) {
    exchange(() -> {
      send(toNext, (rank + 1) % ranks);
      receive(fromPrevious, (rank + ranks - 1) % ranks);
    });
  }

  private void exchange(Runnable sends) {
    watched(() -> {
      Nccl.startGroup();
      try {
        sends.run();
      } finally {
        Nccl.endGroup();
      }
    });
  }

  private void watched(Runnable exchange) {
    device.begin();
    isCalling = true;
    try {
      if (isLeft.get()) {
        throw new IllegalStateException("the exchange between the ranks has been ended");
      }
      if (watch == null || device.isRecording()) {
        exchange.run();
      } else {
        watch.around(device.stream(), exchange);
      }
    } finally {
      isCalling = false;
    }
  }

  private void send(Tensor source, int to) {
    if (source.bytes() > 0) {
      long address = DeviceStorage.address(source);
      Nccl.send(address, source.bytes(), Nccl.Element.BYTE, to, communicator, device.stream());
    }
  }

  private void receive(Tensor target, int from) {
    if (target.bytes() > 0) {
      long address = DeviceStorage.address(target);
      Nccl.receive(address, target.bytes(), Nccl.Element.BYTE, from, communicator, device.stream());
    }
  }

  @Override
  public void fail(Throwable cause) {
    failed.accept(cause);
  }

  /// Ends what this rank waits for and all later exchanges; any thread may call it. It waits a
  /// moment for the rank's thread to leave the library, unless that waits for the others in it.
  public void abort() {
    synchronized (isLeft) {
      if (isLeft.compareAndSet(false, true)) {
        long end = System.nanoTime() + PATIENCE;
        while (isCalling && System.nanoTime() < end) {
          Thread.onSpinWait();
        }
        Nccl.abort(communicator);
      }
    }
  }

  @Override
  public void close() {
    if (watch != null) {
      watch.close();
    }
    device
        .context()
        .release(() -> {
          if (isLeft.compareAndSet(false, true)) {
            Nccl.destroy(communicator);
          }
        });
  }
}
