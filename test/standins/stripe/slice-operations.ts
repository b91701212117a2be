/** The SDK's methods that the stand-in answers: file under `resources/`, then method names. */
export const sliceOperations: Readonly<Record<string, readonly string[]>> = {
  Customers: ["create", "retrieve", "update", "del", "list"],
  Charges: ["retrieve"],
  Disputes: ["retrieve"],
  PaymentMethods: ["attach", "retrieve"],
  SetupIntents: ["retrieve"],
  Products: ["create", "retrieve", "update", "list"],
  Prices: ["create", "retrieve", "update", "list"],
  "Billing/Meters": [
    "create",
    "retrieve",
    "update",
    "list",
    "deactivate",
    "reactivate",
    "listEventSummaries",
  ],
  "Billing/MeterEvents": ["create"],
  "Billing/MeterEventAdjustments": ["create"],
  "Checkout/Sessions": ["create", "retrieve", "list", "expire", "listLineItems"],
  "BillingPortal/Configurations": ["create", "retrieve", "update", "list"],
  "BillingPortal/Sessions": ["create"],
  Subscriptions: ["create", "retrieve", "update", "cancel", "list", "resume"],
  Invoices: [
    "retrieve",
    "list",
    "listLineItems",
    "finalizeInvoice",
    "pay",
    "voidInvoice",
    "markUncollectible",
  ],
  InvoiceItems: ["create", "retrieve", "list", "del"],
  CreditNotes: ["create", "retrieve", "list"],
  Events: ["retrieve", "list"],
  WebhookEndpoints: ["create", "retrieve", "update", "list", "del"],
  "V2/Core/Events": ["retrieve"],
  "V2/Core/EventDestinations": ["create", "retrieve", "list", "del"],
};

/** Objects that come along inside others and are described as well. */
export const sliceObjects: readonly string[] = ["SubscriptionItem", "InvoiceLineItem", "LineItem"];

/** Bodies of thin events, by the file that declares them. */
export const sliceEvents: readonly string[] = [
  "V1BillingMeterErrorReportTriggeredEvent",
  "V1BillingMeterNoMeterFoundEvent",
];
