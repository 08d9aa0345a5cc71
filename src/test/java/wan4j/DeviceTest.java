package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import wan4j.cuda.bind.Cuda;
import wan4j.tensor.InputException;

class DeviceTest {
  @Test
  void aGpuIsPreferredWhereOneCanBeUsed() {
    assertThat(Device.preferred()).isEqualTo(Cuda.isPresent() ? Device.CUDA : Device.CPU);
  }

  @Test
  void devicesGoByTheirNames() {
    assertThat(Device.of("cpu")).isEqualTo(Device.CPU);
    assertThat(Device.of("cuda")).isEqualTo(Device.CUDA);
    assertThatThrownBy(() -> Device.of("tpu"))
        .isInstanceOf(InputException.class)
        .hasMessage("device got \"tpu\"; give cpu or cuda");
  }
}
