// PhoneReading is libphonenumber's answer about one spelling, fit to be remembered.

/// What a spelling of a phone number turned out to be.
enum PhoneReading: Equatable {
    case valid(PhoneNumber)
    case invalid

    var number: PhoneNumber? {
        if case .valid(let number) = self { number } else { nil }
    }
}
