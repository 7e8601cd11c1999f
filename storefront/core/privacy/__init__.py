"""What a shop holds about a customer: the register of personal columns, and the document that hands it out."""
