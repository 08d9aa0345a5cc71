package wan4j.cuda;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import wan4j.cuda.bind.Nccl;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.ops.Collectives;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.Tensor;

/// Exchange between GPUs through NCCL, in the order of the backend's other work: nothing waits on
/// the host.
public final class NcclCollectives implements Collectives {
  private final Device device;
  private final long communicator;
  private final int rank;
  private final int ranks;
  private final Consumer<Throwable> failed;
  private final ReentrantLock lock = new ReentrantLock(); // of the communicator's life
  private boolean isGone; // guarded by it
  private final AtomicLong begun = new AtomicLong();
  private ExchangeMarks marks; // null until exchanges are watched

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

  /// Watches from now on that each exchange ends within a time after it has begun on this GPU, and
  /// what the library reports; `failed` is told where it does not, and the exchange is to be
  /// aborted.
  public void watch(Duration limit) {
    marks = new ExchangeMarks(device, limit, this::failure, failed);
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
    long address = DeviceStorage.address(values);
    Nccl.Reduction how =
        switch (reduction) {
          case SUM -> Nccl.Reduction.SUM;
          case MAXIMUM -> Nccl.Reduction.MAXIMUM;
        };
    begin(() ->
        Nccl.allReduce(address, address, values.count(), type, how, communicator, device.stream()));
  }

  @Override
  public void broadcast(int from, Tensor values) {
    long address = DeviceStorage.address(values);
    begin(() ->
        Nccl.broadcast(
            address,
            address,
            values.bytes(),
            Nccl.Element.BYTE,
            from,
            communicator,
            device.stream()));
  }

  @Override
  public void shift(Tensor toNext, Tensor fromPrevious) {
    exchange(() -> {
      send(toNext, (rank + 1) % ranks);
      receive(fromPrevious, (rank + ranks - 1) % ranks);
    });
  }

  private void exchange(Runnable sends) {
    begin(() -> {
      Nccl.startGroup();
      try {
        sends.run();
      } finally {
        Nccl.endGroup();
      }
    });
  }

  private void begin(Runnable exchange) {
    device.begin();
    lock.lock();
    try {
      if (isGone) {
        throw new IllegalStateException("the exchange between GPUs was ended");
      }
      if (marks == null || device.isRecording()) {
        exchange.run();
      } else {
        marks.around(exchange);
      }
      begun.incrementAndGet();
    } finally {
      lock.unlock();
    }
  }

  /// Returns how many exchanges this rank has begun; any thread may ask.
  public long begun() {
    return begun.get();
  }

  /// Returns what NCCL says has gone wrong, in one sentence, or null; any thread may ask.
  public String failure() {
    if (!lock.tryLock()) {
      return null; // an exchange is being begun
    }
    try {
      return isGone ? null : Nccl.failure(communicator);
    } finally {
      lock.unlock();
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

  /// Ends what this rank waits for, and the use of the communicator; any thread may call it. One
  /// that is within a call of NCCL which does not return is left there.
  public void abort() {
    boolean isHeld = false;
    try {
      isHeld = lock.tryLock(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      if (!isGone) {
        isGone = true;
        Nccl.abort(communicator);
      }
    } finally {
      if (isHeld) {
        lock.unlock();
      }
    }
  }

  @Override
  public void close() {
    if (marks != null) {
      marks.close();
    }
    lock.lock();
    try {
      if (!isGone) {
        isGone = true;
        device.context().release(() -> Nccl.destroy(communicator));
      }
    } finally {
      lock.unlock();
    }
  }
}
