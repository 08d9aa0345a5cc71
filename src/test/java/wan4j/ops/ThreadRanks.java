package wan4j.ops;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.IntStream;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Ranks on threads of this process that share host memory: heads are exchanged for tokens before
/// attention and back after it, byte by byte in the format that attention takes.
final class ThreadRanks {
  private final int[] tokens; // of each rank
  private final AttentionSchedule attention;
  private final CyclicBarrier barrier;
  private final Tensor[] shown;

  /// Creates ranks of so many tokens each.
  ThreadRanks(AttentionSchedule attention, int... tokens) {
    this.tokens = tokens.clone();
    this.attention = attention;
    barrier = new CyclicBarrier(tokens.length);
    shown = new Tensor[tokens.length];
  }

  /// Returns what one rank sees of the group.
  SequenceGroup rank(int rank) {
    return new Rank(rank);
  }

  /// Shows every rank's tensor to all, and returns them once all have come.
  private List<Tensor> shown(int rank, Tensor own) {
    meet();
    shown[rank] = own;
    meet();
    return List.of(shown);
  }

  private void meet() {
    try {
      barrier.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } catch (BrokenBarrierException e) {
      throw new IllegalStateException("another rank has failed", e);
    }
  }

  private final class Rank implements SequenceGroup {
    private final int rank;

    Rank(int rank) {
      this.rank = rank;
    }

    private int first(int of) {
      return Arrays.stream(tokens, 0, of).sum();
    }

    @Override
    public Tensor share(Ops ops, Tensor all) {
      return all.slice(first(rank), tokens[rank]);
    }

    @Override
    public Span span(int own) {
      return new Span(first(rank), first(tokens.length));
    }

    @Override
    public AttentionFormat format(ForwardPass pass, int layer) {
      return attention.format(pass, layer);
    }

    @Override
    public void agree(Ops ops, Reduction reduction, Tensor statistics) {
      List<Tensor> all = shown(rank, copy(statistics));
      MemorySegment target = statistics.segment();
      for (int i = 0; i < statistics.count(); i++) {
        int at = i;
        if (statistics.dtype() == DType.F64) {
          double sum =
              all.stream()
                  .mapToDouble(t -> t.segment().get(ValueLayout.JAVA_DOUBLE_UNALIGNED, at * 8L))
                  .sum();
          target.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, at * 8L, sum);
          continue;
        }
        if (reduction == Reduction.SUM) {
          throw new AssertionError("sums are of float64");
        }
        float most = 0;
        for (Tensor each : all) {
          most = Math.max(most, each.segment().get(ValueLayout.JAVA_FLOAT_UNALIGNED, at * 4L));
        }
        target.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at * 4L, most);
      }
    }

    @Override
    public Operand attention(Ops ops, AttentionInput input, double scale, OperandFormat want) {
      int own = input.heads() / tokens.length;
      AttentionInput exchanged =
          input.exchanged(x -> gathered(x, own), x -> copy(x.slice((long) rank * own, own)));
      Tensor mine = ops.attention(exchanged, scale, OperandFormat.Simple.PLAIN).values();
      List<Tensor> all = shown(rank, copy(mine));
      int row = mine.length(1);
      Tensor back = host(mine.dtype(), tokens[rank], (long) row * tokens.length);
      long bytes = (long) row * mine.dtype().bytes();
      for (int from = 0; from < tokens.length; from++) {
        for (int token = 0; token < tokens[rank]; token++) {
          long source = (first(rank) + token) * bytes;
          long target = ((long) token * tokens.length + from) * bytes;
          MemorySegment.copy(all.get(from).segment(), source, back.segment(), target, bytes);
        }
      }
      return ops.operand(ops.upload(back, mine.dtype()), want);
    }

    /// Returns all ranks' tokens of this rank's heads.
    private Tensor gathered(Tensor x, int own) {
      List<Tensor> all = shown(rank, copy(x));
      long[] sizes = x.shape().toArray();
      long heads = sizes[1];
      sizes[0] = first(tokens.length);
      sizes[1] = own;
      Tensor target = host(x.dtype(), sizes);
      long head = x.bytes() / x.length(0) / heads;
      int[] places = IntStream.range(0, tokens.length).map(this::first).toArray();
      for (int from = 0; from < tokens.length; from++) {
        for (int token = 0; token < tokens[from]; token++) {
          long source = (token * heads + (long) rank * own) * head;
          long to = (long) (places[from] + token) * own * head;
          MemorySegment.copy(all.get(from).segment(), source, target.segment(), to, own * head);
        }
      }
      return target;
    }

    @Override
    public Tensor gather(Ops ops, Tensor own) {
      throw new AssertionError("attention alone is tested");
    }
  }

  private static Tensor host(DType type, long... sizes) {
    Shape shape = Shape.of(sizes);
    MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, shape.count() * type.bytes()), 64);
    return new Tensor(shape, type, new HostStorage(memory));
  }

  private static Tensor copy(Tensor x) {
    Tensor target = host(x.dtype(), x.shape().toArray());
    target.segment().copyFrom(x.segment().asSlice(0, x.bytes()));
    return target;
  }
}
