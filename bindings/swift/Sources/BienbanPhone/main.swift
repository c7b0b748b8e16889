// A phone of the shared day in Swift: reads a step per line, does it with the facade, answers a line.
//
// See bindings/scenario/README.md for the protocol. Run by the runner there; `bindings/ios/verify.sh` builds it.

import Bienban
import Dispatch
import Foundation

/// Lines of the standard input, read on a thread of their own: reading holds a thread, and Swift's pool has few.
func inputLines() -> AsyncStream<String> {
    return AsyncStream<String> { continuation in
        let reader = Thread {
            while let line = readLine(strippingNewline: true) {
                continuation.yield(line)
            }
            continuation.finish()
        }
        reader.start()
    }
}

/// Returns a line of JSON with its end.
func line(of answer: [String: Any]) -> Data {
    var bytes: Data
    do {
        bytes = try JSONSerialization.data(withJSONObject: answer, options: [])
    } catch {
        FileHandle.standardError.write(Data("an answer that is no JSON: \(error)\n".utf8))
        exit(1)
    }
    bytes.append(0x0A)
    return bytes
}

/// Plays until the input ends.
func play() async {
    let phone = Phone()
    for await text in inputLines() {
        let read = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: [])
        guard let request = read as? [String: Any] else {
            FileHandle.standardError.write(Data("a line that is no request: \(text)\n".utf8))
            exit(2)
        }
        var answer = await phone.answer(to: request)
        answer["id"] = request["id"]
        FileHandle.standardOutput.write(line(of: answer))
    }
    exit(0)
}

Task.detached {
    await play()
}
dispatchMain()
