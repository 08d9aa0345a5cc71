package wan4j.parallel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import wan4j.ops.HostExchange;
import wan4j.ops.SavedState;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// What the processes of a job tell each other, in messages by way of rank 0. As with threads, a
/// rank waits for the first one's work ten times as long as for a rank that has stopped.
public final class ProcessExchange implements HostExchange {
  private static final int CHUNK = 64 << 20; // bytes of a message
  private static final byte[] NOTHING = {};

  private final ProcessMeeting meeting;
  private final long limit; // milliseconds
  private final int chunk; // bytes of tensors in a message

  /// Creates this process's part in a meeting whose ranks wait at most so long for each other.
  public ProcessExchange(ProcessMeeting meeting, Duration limit) {
    this(meeting, limit, CHUNK);
  }

  /// Creates a part whose messages hold so many bytes of tensors.
  ProcessExchange(ProcessMeeting meeting, Duration limit, int chunk) {
    this.meeting = meeting;
    this.limit = limit.toMillis();
    this.chunk = chunk;
  }

  @Override
  public int rank() {
    return meeting.rank();
  }

  @Override
  public List<long[]> all(long... own) {
    return toAll(bytes(own)).stream().map(ProcessExchange::numbers).toList();
  }

  private static byte[] bytes(long[] numbers) {
    ByteBuffer bytes = ByteBuffer.allocate(numbers.length * Long.BYTES);
    bytes.asLongBuffer().put(numbers);
    return bytes.array();
  }

  private static long[] numbers(byte[] bytes) {
    long[] numbers = new long[bytes.length / Long.BYTES];
    ByteBuffer.wrap(bytes).asLongBuffer().get(numbers);
    return numbers;
  }

  private List<byte[]> toAll(byte[] own) {
    return meeting.exchange(meeting.all(), List.of(own));
  }

  /// Every process has a caller of its own, who can ask for the end of the request.
  @Override
  public boolean decidedByCallers(BooleanSupplier decision) {
    return all(decision.getAsBoolean() ? 1 : 0).stream().anyMatch(answer -> answer[0] != 0);
  }

  @Override
  public long[] numbersOfFirst(Supplier<long[]> work) {
    return given(
        work,
        numbers -> HostParcel.of(List.of(tensor(numbers))),
        parcel -> parcel.tensors().getFirst().segment().toArray(ValueLayout.JAVA_LONG_UNALIGNED));
  }

  private static Tensor tensor(long[] numbers) {
    return new Tensor(
        Shape.of(numbers.length), DType.I64, new HostStorage(MemorySegment.ofArray(numbers)));
  }

  @Override
  public Tensor ofFirst(Supplier<Tensor> work) {
    return given(work, made -> HostParcel.of(List.of(made)), parcel -> parcel.tensors().getFirst());
  }

  @Override
  public SavedState stateOfFirst(Supplier<SavedState> work) {
    return given(work, ProcessExchange::parcel, ProcessExchange::state);
  }

  private static HostParcel parcel(SavedState state) {
    Map<String, Tensor> tensors = state.arrive().ofPart();
    return new HostParcel(List.copyOf(tensors.keySet()), List.copyOf(tensors.values()));
  }

  private static SavedState state(HostParcel parcel) {
    SavedState state = new SavedState();
    for (int i = 0; i < parcel.names().size(); i++) {
      state.put(parcel.names().get(i), parcel.tensors().get(i));
    }
    return state;
  }

  /// Returns what the first rank's work gives, sent as a parcel, or null.
  private <T> T given(
      Supplier<T> work, Function<T, HostParcel> packed, Function<HostParcel, T> unpacked) {
    if (isFirst()) {
      T made;
      try (Presence _ = new Presence(() -> isDone(false), limit)) {
        made = work.get();
      }
      isDone(true);
      HostParcel parcel = made == null ? null : packed.apply(made);
      byte[] head = parcel == null ? NOTHING : parcel.head();
      toAll(head);
      for (long at = 0; parcel != null && at < parcel.bytes(); at += chunk) {
        toAll(parcel.read(at, chunk));
      }
      return made;
    }
    while (!isDone(false)) {
      // the first one is at work
    }
    byte[] head = toAll(NOTHING).getFirst();
    if (head.length == 0) {
      return null;
    }
    HostParcel parcel = HostParcel.of(head);
    for (long at = 0; at < parcel.bytes(); at += chunk) {
      parcel.write(at, toAll(NOTHING).getFirst());
    }
    return unpacked.apply(parcel);
  }

  /// Returns whether the first rank is done, which is what it says itself.
  private boolean isDone(boolean own) {
    return meeting.meet(rank(), Boolean.class, own).getFirst();
  }

  @Override
  public List<List<Tensor>> toFirst(List<Tensor> own) {
    return parcels(HostParcel.of(own)).stream().map(HostParcel::tensors).toList();
  }

  @Override
  public List<SavedState> statesToFirst(SavedState own) {
    return parcels(parcel(own)).stream().map(ProcessExchange::state).toList();
  }

  /// Returns the parcel of each rank on the first one, and nothing on others.
  private List<HostParcel> parcels(HostParcel own) {
    long most = all(own.bytes()).stream().mapToLong(bytes -> bytes[0]).max().orElseThrow();
    List<HostParcel> parcels = new ArrayList<>();
    for (byte[] head : toFirst(own.head())) {
      parcels.add(parcels.isEmpty() ? own : HostParcel.of(head));
    }
    for (long at = 0; at < most; at += chunk) {
      List<byte[]> seen = toFirst(isFirst() ? NOTHING : own.read(at, chunk));
      for (int from = 1; from < parcels.size(); from++) {
        parcels.get(from).write(at, seen.get(from));
      }
    }
    return List.copyOf(parcels);
  }

  /// Returns what each rank brings on the first one, and nothing on others.
  private List<byte[]> toFirst(byte[] own) {
    List<byte[]> parts = new ArrayList<>(Collections.nCopies(meeting.ranks(), NOTHING));
    parts.set(0, own);
    List<byte[]> seen = meeting.exchange(meeting.all(), parts);
    return isFirst() ? seen : List.of();
  }
}
