// The parts of an error without taking it apart.

extension CallError {
    /// What kind of thing went wrong.
    public var kind: CallErrorKind {
        switch self { case .Failed(let kind, _, _): kind }
    }

    /// A stable word for programs, where the kind says that there is one.
    public var code: String? {
        switch self { case .Failed(_, let code, _): code }
    }

    /// What happened and what to do, for people.
    public var reason: String {
        switch self { case .Failed(_, _, let reason): reason }
    }
}

extension CallError: CustomStringConvertible {
    public var description: String { reason }
}
