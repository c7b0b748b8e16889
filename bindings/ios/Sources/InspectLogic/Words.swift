// Every text of the app's own, in Vietnamese and English. What comes from a record brings both languages itself.

import Bienban

/// The app's texts.
public enum Words {
    public static let inspections = LocalText(vi: "Cuộc kiểm tra", en: "Inspections")
    public static let noInspections = LocalText(
        vi: "Chưa có cuộc kiểm tra nào. Hãy đồng bộ, rồi mở một cuộc từ kế hoạch.",
        en: "No inspections yet. Synchronise, then open one from a plan."
    )
    public static let plans = LocalText(vi: "Kế hoạch", en: "Plans")
    public static let begin = LocalText(vi: "Bắt đầu", en: "Begin")
    public static let sync = LocalText(vi: "Đồng bộ", en: "Synchronise")
    public static let stop = LocalText(vi: "Dừng", en: "Stop")
    public static let ledger = LocalText(vi: "Sổ đồng bộ", en: "Sync ledger")
    public static let back = LocalText(vi: "Đóng", en: "Close")
    public static let answered = LocalText(vi: "đã trả lời", en: "answered")
    public static let conflicts = LocalText(vi: "mâu thuẫn", en: "conflicts")
    public static let onlyHere = LocalText(vi: "chỉ có trên máy này", en: "only on this phone")
    public static let conflict = LocalText(vi: "Có câu trả lời khác nhau", en: "Answers differ")
    public static let settle = LocalText(vi: "Chọn giá trị đúng", en: "Choose the value that holds")
    public static let keepsAll = LocalText(
        vi: "Mọi điều đã ghi vẫn nằm trong lịch sử.",
        en: "Everything that was written stays in the history."
    )
    public static let note = LocalText(vi: "Ghi chú", en: "Note")
    public static let addNote = LocalText(vi: "Thêm dòng ghi chú", en: "Add a line")
    public static let value = LocalText(vi: "Giá trị", en: "Value")
    public static let save = LocalText(vi: "Lưu", en: "Save")
    public static let photos = LocalText(vi: "Ảnh", en: "Photos")
    public static let photoPlace = LocalText(
        vi: "Ứng dụng mẫu chưa chụp ảnh: chỗ này giữ mã BLAKE3 của ảnh.",
        en: "This sample takes no photos: the BLAKE3 hashes of photos belong here."
    )
    public static let sign = LocalText(vi: "Ký và niêm phong biên bản", en: "Sign and seal the minutes")
    public static let signerName = LocalText(vi: "Họ tên người đại diện cơ sở", en: "Name of the facility's representative")
    public static let signerTitle = LocalText(vi: "Chức vụ", en: "Title")
    public static let drawHere = LocalText(vi: "Ký vào ô này", en: "Sign in this box")
    public static let clear = LocalText(vi: "Xóa nét ký", en: "Clear")
    public static let notHeard = LocalText(
        vi: "Lý do chưa nhận được dữ liệu của máy khác (nếu có)",
        en: "Why other phones were not heard, if any"
    )
    public static let sealed = LocalText(vi: "Biên bản đã niêm phong", en: "The minutes are sealed")
    public static let waitsForNumber = LocalText(vi: "chờ cấp số khi đồng bộ", en: "waits for its number")
    public static let missing = LocalText(vi: "Còn thiếu", en: "Still missing")
    public static let enrol = LocalText(vi: "Ghi danh máy này", en: "Enrol this phone")
    public static let invitation = LocalText(vi: "Dán nội dung mã QR của quản trị viên", en: "Paste the administrator's QR text")
    public static let phoneLabel = LocalText(vi: "Tên máy", en: "Name of the phone")
    public static let compare = LocalText(
        vi: "Đọc sáu chữ số này cho quản trị viên so sánh",
        en: "Read these six digits to the administrator"
    )
    public static let cancel = LocalText(vi: "Hủy", en: "Cancel")
    public static let reportCode = LocalText(vi: "Mã báo lỗi", en: "Report code")
    public static let recorded = LocalText(vi: "Ghi trên máy này", en: "Recorded here")
    public static let stored = LocalText(vi: "Máy chủ đã nhận", en: "Stored by the server")
    public static let merged = LocalText(vi: "Đã nhập vào hồ sơ", en: "In the record")
    public static let backedUp = LocalText(vi: "Đã có trên đĩa thứ hai", en: "On the second disk")
    public static let allArrived = LocalText(vi: "Mọi thứ đã lên máy chủ.", en: "Everything has arrived.")
    public static let refusedWork = LocalText(vi: "Máy chủ không nhận", en: "Not taken by the server")
    public static let wiped = LocalText(
        vi: "Quyền của máy này đã chấm dứt và dữ liệu đã bị xóa. Hãy xin lời mời mới.",
        en: "This phone's rights were ended and its data was erased. Ask for a new invitation."
    )
    public static let rightsEnded = LocalText(
        vi: "Quyền của máy này đã chấm dứt. Hãy kết nối để gửi phần còn lại.",
        en: "This phone's rights were ended. Connect, so that the rest is sent."
    )
    public static let more = LocalText(vi: "Xem thêm", en: "More")
    public static let pass = LocalText(vi: "Đạt", en: "Pass")
    public static let minor = LocalText(vi: "Lỗi nhẹ", en: "Minor")
    public static let major = LocalText(vi: "Lỗi nặng", en: "Major")
    public static let serious = LocalText(vi: "Lỗi nghiêm trọng", en: "Serious")
    public static let notApplicable = LocalText(vi: "Không áp dụng", en: "Not applicable")

    /// States of an exchange, as an observer tells them.
    public static func state(_ state: SyncState) -> LocalText {
        switch state {
        case .connecting: return LocalText(vi: "Đang kết nối", en: "Connecting")
        case .exchanging: return LocalText(vi: "Đang trao đổi", en: "Exchanging")
        case .upToDate: return LocalText(vi: "Đã cập nhật", en: "Up to date")
        case .idle: return LocalText(vi: "Đã xong", en: "Done")
        case .waiting: return LocalText(vi: "Sẽ thử lại", en: "Tries again soon")
        case .offline: return LocalText(vi: "Không có mạng", en: "No network")
        case .stopped: return LocalText(vi: "Đã dừng", en: "Stopped")
        }
    }
}
