package wan4j.cuda.bind;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Which failures let another engine be asked, and which must be told.
final class CudaExceptionTest {
  @ParameterizedTest
  @CsvSource({
    "the NVIDIA driver, 214, true",
    "the NVIDIA driver, 700, true",
    "the NVIDIA driver, 719, true",
    "the NVIDIA driver, 2, false",
    "the NVIDIA driver, 600, false",
    "the NVIDIA driver, -1, false",
    "cuBLASLt, 700, false",
  })
  void aContextIsBrokenByWhatTheDriverNeverForgets(String library, int code, boolean isBroken) {
    assertThat(failure(library, code).breaksContext()).isEqualTo(isBroken);
  }

  @ParameterizedTest
  @CsvSource({
    "cuDNN, -2, no engine",
    "cuDNN, 3000, NOT_SUPPORTED",
    "cuDNN, 3002, NOT_SUPPORTED_SHAPE",
    "cuDNN, 3007, NOT_SUPPORTED_ARCH_MISMATCH",
    "cuDNN, 3014, NOT_SUPPORTED_INVALID_DYNAMIC_SHAPE",
    "cuBLASLt, -2, no algorithm",
    "cuBLASLt, 8, ARCH_MISMATCH",
    "cuBLASLt, 15, NOT_SUPPORTED",
  })
  void whatTheLibraryDoesNotHaveMayComeFromAnother(String library, int code, String name) {
    assertThat(failure(library, code).isNotSupported()).as(name).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "cuDNN, -1, the library is missing",
    "cuDNN, 1008, SUBLIBRARY_LOADING_FAILED",
    "cuDNN, 2000, BAD_PARAM",
    "cuDNN, 3008, NOT_SUPPORTED_RUNTIME_PREREQUISITE_MISSING",
    "cuDNN, 3009, NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE",
    "cuDNN, 4000, INTERNAL_ERROR",
    "cuDNN, 4003, INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "cuDNN, 4004, INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "cuDNN, 5000, EXECUTION_FAILED",
    "cuBLASLt, -1, the library is missing",
    "cuBLASLt, 1, NOT_INITIALIZED",
    "cuBLASLt, 3, ALLOC_FAILED",
    "cuBLASLt, 13, EXECUTION_FAILED",
    "cuBLASLt, 14, INTERNAL_ERROR",
    "the NVIDIA driver, 2, OUT_OF_MEMORY",
    "the NVIDIA driver, 700, ILLEGAL_ADDRESS",
    "NVRTC, 3001, no code of NVRTC",
  })
  void everyOtherFailureIsNotTakenForAnAnswer(String library, int code, String name) {
    assertThat(failure(library, code).isNotSupported()).as(name).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "the NVIDIA driver, 2, true",
    "the NVIDIA driver, 3, false",
    "cuDNN, 4003, true",
    "cuDNN, 4004, true",
    "cuDNN, 4000, false",
    "cuBLASLt, 3, true",
    "cuBLASLt, 2, false",
    "NVRTC, 2, false",
  })
  void tooLittleMemoryIsToldApart(String library, int code, boolean isExpected) {
    assertThat(failure(library, code).isOutOfMemory()).isEqualTo(isExpected);
  }

  private static CudaException failure(String library, int code) {
    return new CudaException(library, "function", code, "text");
  }
}
