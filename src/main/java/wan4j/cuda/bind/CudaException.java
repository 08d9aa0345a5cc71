package wan4j.cuda.bind;

import java.io.Serial;
import java.util.Set;

/// A call into a CUDA library failed: which library, which function, its status code and the text.
public final class CudaException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /// The code of a failure that the library itself never saw: it is missing, or lacks the function.
  public static final int MISSING = -1;

  /// The code of a library's answer that it has nothing for what it was asked, where that answer is
  /// no status of its own.
  public static final int UNSUPPORTED = -2;

  // cudnn_graph.h, cudnnStatus_t: of the codes of "not supported", these two tell of an
  // installation, or of memory, that does not suffice.
  private static final int CUDNN_NOT_SUPPORTED = 3000;
  private static final int CUDNN_PREREQUISITE_MISSING = 3008;
  private static final int CUDNN_SUBLIBRARY_UNAVAILABLE = 3009;
  private static final int CUDNN_INTERNAL_ERROR = 4000;
  private static final int CUDNN_HOST_ALLOCATION_FAILED = 4003;
  private static final int CUDNN_DEVICE_ALLOCATION_FAILED = 4004;
  // cublas_api.h, cublasStatus_t
  private static final int CUBLAS_ALLOC_FAILED = 3;
  private static final int CUBLAS_ARCH_MISMATCH = 8;
  private static final int CUBLAS_NOT_SUPPORTED = 15;

  private static final String DRIVER = "the NVIDIA driver";
  private static final int DRIVER_OUT_OF_MEMORY = 2; // cuda.h, CUDA_ERROR_OUT_OF_MEMORY

  // cuda.h, CUresult: what the driver says of a context that takes no more calls
  private static final Set<Integer> DRIVER_BREAKS_CONTEXT =
      Set.of(
          214, // ECC_UNCORRECTABLE
          220, // NVLINK_UNCORRECTABLE
          226, // CONTAINED
          700, // ILLEGAL_ADDRESS
          702, // LAUNCH_TIMEOUT
          709, // CONTEXT_IS_DESTROYED
          710, // ASSERT
          714, // HARDWARE_STACK_ERROR
          715, // ILLEGAL_INSTRUCTION
          716, // MISALIGNED_ADDRESS
          717, // INVALID_ADDRESS_SPACE
          718, // INVALID_PC
          719, // LAUNCH_FAILED
          721, // TENSOR_MEMORY_LEAK
          810); // MPS_CLIENT_TERMINATED

  private final String library;
  private final String function;
  private final int code;

  /// A failure of `function` in `library` with the library's own `code` and one sentence of text.
  public CudaException(String library, String function, int code, String text) {
    super(code < 0 ? text : library + ": " + function + " failed with " + code + ", " + text);
    this.library = library;
    this.function = function;
    this.code = code;
  }

  private CudaException(CudaException first) {
    super("this process has lost the GPU: " + first.getMessage(), first);
    library = first.library;
    function = first.function;
    code = first.code;
  }

  /// The failure of a call in a context that an earlier failure has broken.
  static CudaException again(CudaException first) {
    return new CudaException(first);
  }

  /// The library's name, as people write it.
  public String library() {
    return library;
  }

  /// The C function that was called.
  public String function() {
    return function;
  }

  /// The status code of the library, or [#MISSING], or [#UNSUPPORTED].
  public int code() {
    return code;
  }

  /// Whether the library said that it cannot do what it was asked here, so that another engine may
  /// be asked; a failure of any other kind, such as too little memory, is none of these.
  public boolean isNotSupported() {
    if (code == UNSUPPORTED) {
      return true;
    }
    return switch (library) {
      case "cuDNN" ->
          code >= CUDNN_NOT_SUPPORTED
              && code < CUDNN_INTERNAL_ERROR
              && code != CUDNN_PREREQUISITE_MISSING
              && code != CUDNN_SUBLIBRARY_UNAVAILABLE;
      case "cuBLASLt" -> code == CUBLAS_NOT_SUPPORTED || code == CUBLAS_ARCH_MISMATCH;
      default -> false;
    };
  }

  /// Whether no call in the same context can succeed any more, so that the process must be started
  /// again to use the GPU.
  public boolean breaksContext() {
    return library.equals(DRIVER) && DRIVER_BREAKS_CONTEXT.contains(code);
  }

  /// Whether there was too little memory, of the GPU or of the host.
  public boolean isOutOfMemory() {
    return switch (library) {
      case DRIVER -> code == DRIVER_OUT_OF_MEMORY;
      case "cuDNN" ->
          code == CUDNN_HOST_ALLOCATION_FAILED || code == CUDNN_DEVICE_ALLOCATION_FAILED;
      case "cuBLASLt" -> code == CUBLAS_ALLOC_FAILED;
      default -> false;
    };
  }
}
