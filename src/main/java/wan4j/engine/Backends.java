package wan4j.engine;

import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.EngineOptions.Recording;
import wan4j.MemoryNeed;
import wan4j.Ranks;
import wan4j.cpu.CpuOps;
import wan4j.cuda.CudaOps;
import wan4j.cuda.CudaTypes;
import wan4j.cuda.bind.CublasLt;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.bind.CudaDevice;
import wan4j.cuda.bind.CudaException;
import wan4j.cuda.jit.KernelCache;
import wan4j.ops.Ops;
import wan4j.ops.plan.DeviceRules;
import wan4j.ops.plan.NullOps;
import wan4j.parallel.RankException;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;

/// Where a device becomes a backend. Public for the packages of this module alone.
public final class Backends {
  private static final String NO_SUCH_GPU =
      "--device got cuda:%d, but the NVIDIA driver shows %d GPUs to this process, counted from 0;"
          + " check nvidia-smi and CUDA_VISIBLE_DEVICES";

  private Backends() {}

  /// Opens a backend in its usual arithmetic, bfloat16 on a GPU; throws `InputException` when this
  /// machine cannot run it.
  public static Ops open(Device device) {
    return open(device, Arithmetic.BFLOAT16);
  }

  /// Opens a backend in an arithmetic, which a processor does not look at; throws `InputException`
  /// when this machine cannot run it.
  public static Ops open(Device device, Arithmetic arithmetic) {
    return switch (device) {
      case CPU -> new CpuOps();
      case CUDA -> open(arithmetic, KernelCache.ofUser());
    };
  }

  /// Opens a GPU's backend with a cache of kernels; throws `InputException` when this machine
  /// cannot run it.
  public static Ops open(Arithmetic arithmetic, KernelCache cache) {
    requireGpu();
    return open(Cuda.device().ordinal(), arithmetic, cache);
  }

  /// Opens the backend of the GPU of an ordinal, from 0, among those that the driver shows; throws
  /// `CudaException` when it cannot be used.
  public static Ops open(int ordinal, Arithmetic arithmetic, KernelCache cache) {
    return new CudaOps(Cuda.device(ordinal).ordinal(), types(arithmetic), cache);
  }

  /// Returns what opens the devices of each rank of an engine; throws `InputException` when this
  /// machine has too few GPUs.
  static List<Function<Device, Ops>> ofRanks(Device main, Arithmetic arithmetic, Ranks ranks) {
    if (main == Device.CPU) {
      return Collections.nCopies(ranks.count(), device -> open(device, arithmetic));
    }
    int first = firstGpu(ranks);
    return IntStream.range(0, ranks.count())
        .<Function<Device, Ops>>mapToObj(rank ->
            device -> {
              if (device == Device.CPU) {
                return new CpuOps();
              }
              CudaDevice gpu = Cuda.device(ranks.sharesGpu() ? first : first + rank);
              CudaTypes types = types(arithmetic);
              KernelCache cache = KernelCache.ofUser();
              return ranks.sharesGpu()
                  ? new CudaOps(gpu.ordinal(), types, cache, gpu.memory() / ranks.count())
                  : new CudaOps(gpu.ordinal(), types, cache);
            })
        .toList();
  }

  /// Returns the number of the first GPU of ranks, which the others' follow; throws
  /// `InputException` when this machine has too few.
  public static int firstGpu(Ranks ranks) {
    requireGpu();
    int first = ranks.firstGpu() == Ranks.ANY_GPU ? Cuda.device().ordinal() : ranks.firstGpu();
    int there = Cuda.count();
    int last = first + (ranks.sharesGpu() ? 0 : ranks.count() - 1);
    if (last >= there) {
      throw new InputException(
          ranks.isAlone()
              ? NO_SUCH_GPU.formatted(first, there)
              : "--gpus got %d from cuda:%d on, but the NVIDIA driver shows %d to this process; give --gpus %d, or check nvidia-smi and CUDA_VISIBLE_DEVICES"
                  .formatted(ranks.count(), first, there, Math.max(1, there - first)));
    }
    return first;
  }

  /// Opens this process's device in a job: the GPU of its number among those of its host, the only
  /// one that it is shown, or the one that all are told to share; throws `InputException` when this
  /// machine has too few GPUs.
  static Ops ofJob(Ranks ranks, Arithmetic arithmetic, Job job, Device device) {
    if (device == Device.CPU) {
      return new CpuOps();
    }
    requireGpu();
    int there = Cuda.count();
    // some launchers show each process only its own
    boolean isOnlyOwn = there == 1 && System.getenv("CUDA_VISIBLE_DEVICES") != null;
    int number = ranks.sharesGpu() ? ranks.firstGpu() : isOnlyOwn ? 0 : job.localRank();
    if (number >= there) {
      throw new InputException(
          ranks.sharesGpu()
              ? NO_SUCH_GPU.formatted(number, there)
              : "LOCAL_RANK is %d, but the NVIDIA driver shows %d GPUs to this process; start one process a GPU, or let all share one with --device cuda:0"
                  .formatted(number, there));
    }
    CudaDevice gpu = Cuda.device(number);
    CudaTypes types = types(arithmetic);
    KernelCache cache = KernelCache.ofUser();
    return ranks.sharesGpu()
        ? new CudaOps(gpu.ordinal(), types, cache, gpu.memory() / job.localRanks())
        : new CudaOps(gpu.ordinal(), types, cache);
  }

  /// Has a backend record repeated work or not, and returns it; a processor has nothing to record.
  public static Ops recording(Ops ops, Recording recording) {
    if (ops instanceof CudaOps cuda) {
      cuda.recordUpTo(
          switch (recording) {
            case AUTO -> DeviceRules.RECORDED_TOKENS;
            case ALWAYS -> Long.MAX_VALUE;
            case NEVER -> 0;
          });
    }
    return ops;
  }

  /// Has a GPU's backend compile the kernels that will be wanted for a transformer of a width
  /// beside whatever else is done, such as reading its checkpoint.
  public static void prepareFor(Ops ops, int width) {
    if (ops instanceof CudaOps cuda) {
      cuda.prepareFor(width);
    }
  }

  /// Throws `InputException` when this machine has no GPU that can be used.
  public static void requireGpu() {
    if (!Cuda.isPresent()) {
      throw new InputException("device cuda cannot be used: " + Cuda.absence());
    }
  }

  /// Returns the backend without elements on which a request is tried to learn its need of memory.
  public static NullOps shapes(Device device, Arithmetic arithmetic) {
    return switch (device) {
      case CPU -> new NullOps();
      case CUDA -> {
        CudaTypes types = types(arithmetic);
        yield NullOps.device(types.activation(), types.residual());
      }
    };
  }

  /// Returns the need of what has run on a backend of [#shapes].
  public static MemoryNeed need(NullOps shapes, Device device, boolean readsFiles) {
    return switch (device) {
      case CPU -> {
        long weights = shapes.mostWeightBytes();
        yield new MemoryNeed(weights, shapes.peakBytes() - weights, 0, 0);
      }
      case CUDA ->
          new MemoryNeed(
              shapes.mostWeightBytes(),
              shapes.mostScopeBytes(),
              CudaOps.fixedBytes(readsFiles),
              CudaOps.allowanceBytes());
    };
  }

  /// Says whether a backend's memory is limited and has to be reserved; a processor's is the
  /// operating system's affair.
  public static boolean reserves(Ops ops) {
    return ops instanceof CudaOps;
  }

  /// Returns the bytes that a request could take of a GPU's memory; a processor's are not counted.
  public static long availableBytes(Ops ops) {
    return ops instanceof CudaOps cuda ? cuda.availableBytes() : Long.MAX_VALUE;
  }

  /// Throws `InputException` when a backend's libraries are too old for FP8 layers of a precision.
  static void require(Ops ops, Precision precision) {
    boolean isScaledByRows =
        switch (precision) {
          case FLOAT8_TOKEN, FLOAT8_BLOCK -> true;
          case FLOAT32, PLAIN, FLOAT8_CURRENT, FLOAT8_DELAYED -> false;
        };
    String absence =
        ops instanceof CudaOps && isScaledByRows ? CublasLt.vectorScalesAbsence() : null;
    if (absence != null) {
      throw new InputException(absence + ", or give --quantize --fp8_recipe Float8CurrentScaling");
    }
  }

  /// Reserves what a request's tensors need, between requests; throws `InputException` with the
  /// numbers when the whole request does not fit.
  public static void reserve(Ops ops, MemoryNeed need) {
    if (ops instanceof CudaOps cuda) {
      long available = cuda.availableBytes();
      need.requireFits(available);
      cuda.reserve(need.scopes(), need.scopes() + available - need.bytes());
    }
  }

  /// Returns by how many bytes a GPU's free memory has fallen at most, as its driver says; 0 for a
  /// processor.
  public static long driverPeakBytes(Ops ops) {
    return ops instanceof CudaOps cuda ? cuda.driverPeakBytes() : 0;
  }

  /// Says whether a failure has broken a GPU's context, so that it can do no more in this process.
  public static boolean isBroken(Exception exception) {
    return exception instanceof CudaException failure && failure.breaksContext();
  }

  /// Returns what a failure of a device's libraries means and what mends it, in one sentence, or
  /// null for an exception that is none.
  public static String failure(Exception exception) {
    if (exception instanceof RankException rank) {
      String own = rank.getCause() instanceof CudaException cause ? failure(cause) : null;
      return own == null ? rank.getMessage() : "rank %d: %s".formatted(rank.rank(), own);
    }
    if (!(exception instanceof CudaException failure)) {
      return null;
    }
    if (failure.code() == CudaException.MISSING) {
      return failure.getMessage();
    }
    String cure;
    if (failure.isNotSupported()) {
      cure = "./wan4j doctor tells which versions there are; install newer ones";
    } else if (failure.isOutOfMemory() && failure.function().contains("Host")) {
      cure =
          "free memory of this machine, or let this process lock more of it (ulimit -l unlimited)";
    } else if (failure.isOutOfMemory()) {
      cure =
          "free memory of the GPU (nvidia-smi tells who holds it), or choose a smaller --size or"
              + " --frame_num";
    } else if (failure.breaksContext()) {
      cure =
          "start wan4j again, and if the GPU is lost again look at it with nvidia-smi and at the"
              + " kernel's messages with dmesg";
    } else {
      cure =
          "look at the GPU with nvidia-smi and at the libraries with ./wan4j doctor, and run again"
              + " with WAN4J_JAVA_OPTIONS=-Dwan4j.debug=true to see where it happened";
    }
    return failure.getMessage() + "; " + cure;
  }

  /// Returns what computes attention in heads of a size, with a bias of relative positions or
  /// without: wan4j's kernel, cuDNN or products around a softmax on a GPU, the kernels of the
  /// processor there, and nothing for a backend on shapes alone.
  public static String attention(Ops ops, int headSize, boolean isBiased) {
    return switch (ops) {
      case CudaOps cuda -> cuda.attention(headSize, isBiased);
      case CpuOps _ -> "processor";
      default -> "none";
    };
  }

  /// Lets wan4j's attention kernel take every attention that it can, also over so few keys that
  /// cuDNN is faster; throws `InputException` for a backend without it.
  public static void preferOurAttention(Ops ops) {
    if (!(ops instanceof CudaOps cuda) || cuda.activation() != DType.BF16) {
      throw new InputException(
          "--attention wan4j was given, but only a GPU in bf16 has that kernel; give --device cuda"
              + " and --precision bf16, or leave it out");
    }
    cuda.preferOurAttention();
  }

  private static CudaTypes types(Arithmetic arithmetic) {
    return switch (arithmetic) {
      case BFLOAT16 -> CudaTypes.BFLOAT16;
      case BFLOAT16_RESIDUAL -> CudaTypes.BFLOAT16_RESIDUAL;
      case TF32 -> CudaTypes.TF32;
      case FLOAT32 -> CudaTypes.FLOAT32;
    };
  }
}
