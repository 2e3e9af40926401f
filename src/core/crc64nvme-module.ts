// Made by scripts/generate-crc64nvme.mjs, which says what is in it: do not edit.

/** The WebAssembly module, in base64. It exports its memory `m` and `u(at, end)`, which takes content into the state. */
export const moduleBase64 =
	"AGFzbQEAAAABCQJgAABgAn9/AAMDAgABBQQBAQICBwkCAW0CAAF1AAEIAQAKigQChwEDAX8BfgF/A0AgAEEDdq0hAUEIIQIDQCABQgGIQgAgAUIBg31CtZOv4prlpLaaf4OFIQEgAkF/aiICDQALIAAgATcDACAAQQhqIgBBgBBJDQALA0AgAEGAcGopAAAhASAAIAFCCIggAadB/wFxQQN0KQAAhTcDACAAQQhqIgBBgIACSQ0ACwv+AgICfgJ/QYCAAikAACECIABBEGogAU0EQANAIAApAAgiA6chBCADQiCIpyEFIARBA3RB+A9xKQCAcCAEQQV2QfgPcSkAgGCFIARBDXZB+A9xKQCAUIUgBEEVdkH4D3EpAIBAhSAFQQN0QfgPcSkAgDCFIAVBBXZB+A9xKQCAIIUgBUENdkH4D3EpAIAQhSAFQRV2QfgPcSkAAIUgACkAACAChSIDpyEEIANCIIinIQUgBEEDdEH4D3EpAIDwASAEQQV2QfgPcSkAgOABhSAEQQ12QfgPcSkAgNABhSAEQRV2QfgPcSkAgMABhSAFQQN0QfgPcSkAgLABhSAFQQV2QfgPcSkAgKABhSAFQQ12QfgPcSkAgJABhSAFQRV2QfgPcSkAgIABhYUhAiAAQRBqIQAgAEEQaiABTQ0ACwsgACABSQRAA0AgAiAAMQAAhSECIAKnQf8BcUEDdCkAACACQgiIhSECIABBAWohACAAIAFJDQALC0GAgAIgAjcDAAs=";

/** Where the state is in the memory: 64 bits, the lowest byte first. */
export const stateAt = 32768;

/** Where content is put, and how much of it there is room for, in bytes. */
export const contentAt = 65536;
export const contentBytes = 65536;
